"""Every stage on `gs://`: the same rows, examples, metrics and answers as in a folder of this machine.

The stages are called as KFP calls them, one chain below a folder and one below a bucket, both read from
the same table. About two minutes on two cores.
"""

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.deploy.component import deploy
from components.deploy.settings import DeployStage
from components.shared.files.artifacts import digest, read_json, shards, write_json, writing
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import local_copy, place
from components.shared.files.place import scheme
from components.validate.component import validate
from configs.deployment import Deployment
from configs.errors import BusyError
from configs.places import Beam
from tests.contract.gs.conftest import EVALUATE, TRANSFORM, VALIDATE, Chains


def test_ingest_writes_the_same_rows(chains: Chains) -> None:
    here, there = (chain.at("rows", "ingest") for chain in chains)
    assert scheme(there) == "gs"
    assert digest(here) == digest(there)
    assert len(shards(there, "train")) > 1
    assert [each.name for each in shards(here, "train")] == [each.name for each in shards(there, "train")]


def test_validate_finds_the_same(chains: Chains) -> None:
    here, there = (chain.at("statistics", "validate") for chain in chains)
    assert digest(here) == digest(there)


def test_validate_measures_the_same_drift_from_a_baseline_on_gs(chains: Chains) -> None:
    findings = []
    for chain in chains:
        validate.python_func(
            rows=chain.artifact("rows", "ingest"),
            baseline=str(chain.at("statistics", "validate")),
            settings=VALIDATE.model_dump_json(),
            code="",
            statistics=chain.artifact("statistics", "validate-again"),
        )
        findings.append(read_json(chain.at("statistics", "validate-again") / "findings.json"))
    assert findings[0] == findings[1]
    assert any(each["kind"] == "drift" for each in findings[1]["distances"])


def test_transform_writes_the_same_examples(chains: Chains) -> None:
    here, there = (chain.at("examples", "transform") for chain in chains)
    assert digest(here) == digest(there)
    content = read_json(there / "examples.json")
    assert content["splits"]["train"]["rejected"] > 0
    rejected = gcs_reading.objects(str(there / "rejected"))
    assert "train/part-00000.parquet" in rejected
    graphs = [chain.at("transform_graph", "transform") for chain in chains]
    assert read_json(graphs[0] / "features.json") == read_json(graphs[1] / "features.json")


def test_train_learns_the_same(chains: Chains) -> None:
    figures = []
    for chain in chains:
        history = read_json(chain.at("training_log", "train") / "history.json")
        figures.append([{k: v for k, v in each.items() if "second" not in k} for each in history["epochs"]])
    assert figures[0] == figures[1]
    log = gcs_reading.objects(str(chains[1].at("training_log", "train")))
    assert any(name.startswith("tensorboard/train/events") for name in log)
    assert gcs_reading.objects(str(chains[1].root / "checkpoints")) == {}


def test_evaluate_measures_and_decides_the_same(chains: Chains) -> None:
    for name in ("metrics.json", "curves.json", "golden.json", "verdict.json"):
        here, there = (read_json(chain.at("evaluation", "evaluate") / name) for chain in chains)
        assert here == there, name
    names = gcs_reading.objects(str(chains[1].at("evaluation", "evaluate")))
    assert any(name.startswith("tfma/metrics") for name in names)


def test_a_champion_on_gs_is_judged_like_one_in_a_folder(chains: Chains) -> None:
    for chain in chains:
        chain.evaluate("again", str(chain.at("model", "train")))
    here, there = (read_json(chain.at("evaluation", "again") / "metrics.json") for chain in chains)
    assert here == there
    assert there["champion"]["overall"] == there["candidate"]["overall"]


def test_beam_workers_that_meet_at_a_temporary_location_measure_the_same(
    chains: Chains, beam_storage: Any
) -> None:
    from components.evaluate import core
    from components.shared.stage.recording import silent

    temporary = beam_storage.new_bucket()
    stage = EVALUATE.model_copy(update={"beam": Beam(options=(f"--temp_location={temporary}tmp",))})
    rows, model = (chains[1].at(*where) for where in (("rows", "ingest"), ("model", "train")))
    out = chains[1].at("evaluation", "met")
    core.run(rows, model, None, "", stage, out, silent)
    assert read_json(out / "metrics.json") == read_json(
        chains[0].at("evaluation", "evaluate") / "metrics.json"
    )
    assert gcs_reading.objects(str(temporary)) == {}


def test_beam_workers_read_a_transform_graph_at_the_temporary_location(
    chains: Chains, beam_storage: Any
) -> None:
    from components.shared.beam.options import pipeline_options
    from components.shared.beam.shards import write_shards
    from components.shared.beam.staging import staged_input
    from components.shared.rows.row_ranges import plan_ranges
    from components.shared.stage.recording import silent
    from components.transform.passes import WriteExamples
    from components.transform.preprocessing import Inputs

    temporary, out = beam_storage.new_bucket(), chains[1].root / "met" / "examples"
    content = read_json(chains[1].at("transform_graph", "transform") / "features.json")
    inputs = Inputs(tuple(content["dense"]), content["indexed"])
    ranges = plan_ranges(chains[1].at("rows", "ingest"), "train", TRANSFORM.transform.shard_rows)
    options = pipeline_options(Beam(options=(f"--temp_location={temporary}tmp",)))
    with (
        local_copy(chains[1].at("transform_graph", "transform")) as graph,
        staged_input(graph, options) as reachable,
    ):
        assert scheme(reachable) == "gs"
        write = WriteExamples(TRANSFORM, inputs, reachable, out)
        write_shards(ranges, write, options, "write examples", silent)
    assert digest(out / "train") == digest(chains[0].at("examples", "transform") / "train")
    assert gcs_reading.objects(str(temporary)) == {}


def test_deploy_registers_the_same_model_and_proves_it(chains: Chains, tmp_path: Path) -> None:
    outcomes = []
    for chain in chains:
        registry = tmp_path / chain.root.name.strip("/")
        config = DeployStage(name="flights", registry=f"file://{registry}", deployment=Deployment())
        deploy.python_func(
            model=chain.artifact("model", "train"),
            evaluation=chain.artifact("evaluation", "evaluate"),
            statistics=chain.artifact("statistics", "validate"),
            run_id="r",
            job="",
            source="",
            inputs_digest="",
            champion_version="",
            settings=config.model_dump_json(),
            deployment=chain.artifact("deployment", "deploy"),
        )
        outcomes.append(read_json(chain.at("deployment", "deploy") / "deployment.json"))
        (version,) = registry.glob("flights/versions/*")
        assert digest(version / "model") == digest(chain.at("model", "train"))
    assert outcomes[1]["action"] == "deployed"
    assert outcomes[0]["golden"]["rows"] == outcomes[1]["golden"]["rows"] == 20


def test_the_record_of_a_stage_lies_beside_its_outputs(chains: Chains) -> None:
    for stage in ("ingest", "validate", "transform", "train", "evaluate"):
        here, there = (read_json(chain.root / stage / f"{stage}.stage.json") for chain in chains)
        assert there["state"] == "done"
        assert {**here["summary"], "examples_per_second": 0} == {
            **there["summary"],
            "examples_per_second": 0,
        }
        for name, output in there["outputs"].items():
            assert output["path"] == str(chains[1].at(name, stage))
            assert output["digest"] == digest(place(output["path"]))


def test_a_second_attempt_of_a_stage_is_noticed_by_the_first(bucket: BucketPath) -> None:
    from components.shared.stage.recording import stage

    rows = dsl.Artifact(name="rows", uri=str(bucket / "ingest" / "rows"))

    def write() -> None:
        with writing(place(rows.uri)) as folder:
            write_json(folder / "rows.json", {})

    with pytest.raises(SystemExit) as ended, stage("ingest", outputs={"rows": rows}):  # noqa: PT012
        with stage("ingest", outputs={"rows": rows}):
            write()
        write()
    assert isinstance(ended.value.__cause__, BusyError)
    assert read_json(bucket / "ingest" / "ingest.stage.json")["state"] == "done"
