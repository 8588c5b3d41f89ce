"""A small pipeline: the second task on a GPU, the third says whether the second was good enough."""

# mypy: disable-error-code="untyped-decorator"

from pathlib import Path
from typing import NamedTuple

from kfp import compiler, dsl

from configs.loading import load
from pipelines.graph.custom_job import as_custom_job

GPU = ("cloud.training={machine_type: n1-standard-8, accelerator: NVIDIA_TESLA_T4, accelerator_count: 1}",)


@dsl.component(base_image="python", install_kfp_package=False)
def make(count: int, rows: dsl.Output[dsl.Dataset]) -> None:
    """Write some rows."""
    from pathlib import Path

    Path(rows.path).write_text("x" * count)


@dsl.component(base_image="python", install_kfp_package=False)
def fit(rows: dsl.Input[dsl.Dataset], seconds: float, model: dsl.Output[dsl.Model]) -> NamedTuple(  # type: ignore[valid-type]
    "Fitted", [("score", float)]
):
    """Take a while; a negative while is an error."""
    import time
    from pathlib import Path

    time.sleep(seconds)
    Path(model.path).write_text("model")
    model.metadata["rows"] = Path(rows.path).stat().st_size
    return (0.5,)


@dsl.component(base_image="python", install_kfp_package=False)
def tell(score: float) -> str:
    """Judge."""
    return "good" if score > 0.4 else "bad"


@dsl.component(base_image="python", install_kfp_package=False)
def say(word: str) -> str:
    """Say it."""
    return word


def compile_to(path: Path, seconds: float = 0.0) -> None:
    """Compile the pipeline, with `fit` as a custom job; it takes what our own pipeline takes.

    Args:
        path: Where to write it.
        seconds: How long `fit` takes where the run does not say.
    """
    settings = load("flights", "dev", (*GPU, "cloud.identities.trainer=''", "image=python"))
    assert settings.cloud is not None
    gpu = as_custom_job(fit, settings, settings.cloud)

    @dsl.pipeline(name="small")
    def small(
        count: int = 3, seconds: float = seconds, run_id: str = "", checkpoints: str = "", command: str = ""
    ) -> None:
        rows = make(count=count)
        fitted = gpu(rows=rows.outputs["rows"], seconds=seconds)
        reported = tell(score=fitted.outputs["score"])
        with dsl.If(reported.output == "good", name="good"):
            say(word=run_id)
        with dsl.Else(name="bad"):
            say(word=f"{command} {checkpoints}")

    compiler.Compiler().compile(small, str(path))
