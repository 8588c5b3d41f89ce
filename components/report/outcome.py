"""The outcome in one glance: what happened, the figures that matter, every reason of the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.report.curves import positives_in_words
from components.report.numbers import NOTHING, count, figure, known, metric, percent, seconds, signed
from components.report.reading import Missing, Run, shown
from components.shared.files.place import Place
from components.shared.gcp import links
from configs.metrics import METRICS, Judgment, Metric

UNRECORDED = "terminated without an error record (killed or out of memory)"
Tone = Literal["passed", "unfinished", "failed", "plain"]
SAME = 5e-5
"""Values that differ by less are the same to the four digits that are shown."""


@dataclass(frozen=True)
class Failure:
    """A stage that broke, with its cause and its log."""

    stage: str
    kind: str
    message: str
    log: str
    last_lines: str
    """The end of the log, where there is one."""


@dataclass(frozen=True)
class Headline:
    """The outcome in a few words."""

    tone: Tone
    words: str
    detail: str


@dataclass(frozen=True)
class Tile:
    """One key figure."""

    name: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class Verdict:
    """The decision with every reason, failed gates first."""

    decision: str
    words: str
    reasons: Sequence[Mapping[str, Any]]
    """As `verdict.json` has them."""
    deployment: tuple[str, ...]
    """What came of it, a sentence each."""


@dataclass(frozen=True)
class Compared:
    """One metric of both models on the same rows."""

    name: str
    hint: str
    candidate: str
    champion: str
    difference: str
    judgment: Judgment | Literal[""]


@dataclass(frozen=True)
class Comparison:
    """Candidate against champion; the champion's columns are empty where there is none."""

    rows: tuple[Compared, ...]
    champion: str
    scope: str
    in_words: str


def failures(run: Run) -> tuple[Failure, ...]:
    """The stages that failed, or were killed before they could say why."""
    failed = run.manifest.get("state") == "failed"
    return tuple(
        _failure(run, name, record.get("error") or {})
        for name, record in run.stages.items()
        if record["state"] == "failed" or (failed and record["state"] == "running")
    )


def log_of(record: Mapping[str, Any], folder: Place) -> str:
    """The log of a stage: its file, or the page of the job that was its container."""
    page = links.logs(record.get("job", ""))
    return record.get("log") or page or str(folder / "stages" / f"{record['stage']}.log")


def _failure(run: Run, stage: str, error: Mapping[str, Any]) -> Failure:
    kind, message = error.get("kind", "Killed"), error.get("message", UNRECORDED)
    log = log_of(run.stages[stage], run.folder)
    return Failure(stage, kind, message, shown(log), "" if "://" in log else run.tail(Path(log)))


_AFTER_FAILURE = {
    "deploy": "Where the endpoint stands: python -m pipelines status",
    "deliver": "Readers there see all predictions of this run, or none.",
    "training": "Nothing was deployed.",
    "prediction": "Nothing was delivered.",
}
"""By the stage that failed; else by the pipeline."""


def unfinished(run: Run) -> Headline | None:
    """What a run that did not end well has come to; None: it did."""
    broken, state = failures(run), run.manifest.get("state")
    if broken:
        stage = broken[0].stage
        detail = _AFTER_FAILURE.get(stage) or _AFTER_FAILURE[run.pipeline]
        return Headline("failed", f"Failed in {stage}", detail)
    if state == "failed":
        log = f"see {run.folder}/stages/pipeline.log."
        return Headline("failed", "Failed", f"Outside its stages: {run.manifest.get('error') or log}")
    if state == "running":
        return Headline("unfinished", "Not finished", _how_far(run))
    return Headline("unfinished", "Cancelled", _how_far(run)) if state == "cancelled" else None


def headline(run: Run) -> Headline:
    """What happened, most important first: a failure, then the verdict, then the deployment."""
    if found := unfinished(run):
        return found
    verdict = run.verdict()
    if not verdict:
        return Headline("plain", "Done", "Without a verdict.")
    reasons = verdict["reasons"]
    failed = sum(not reason["passed"] for reason in reasons)
    if verdict["decision"] != "deploy":
        return Headline("unfinished", "Rejected", f"{failed} of {len(reasons)} gates failed.")
    return _deployed(
        run.json("deployment", "deployment.json"),
        "The gate passed." if len(reasons) == 1 else f"All {len(reasons)} gates passed.",
    )


def _how_far(run: Run) -> str:
    done = sum(record["state"] == "done" for record in run.stages.values())
    return f"{done} of {len(run.order)} stages were done when this was written."


def _deployed(deployment: Mapping[str, Any] | None, gates: str) -> Headline:
    if deployment is None:
        return Headline("passed", "Passed", f"{gates} No deployment is recorded.")
    version = deployment.get("version", "?")
    traffic = ((deployment.get("endpoint") or {}).get("traffic") or {}).get(str(version), 0)
    words = {
        "deployed": f"Deployed as version {version}",
        "already_serving": f"Version {version} already serves",
        "left_alone": f"Passed as version {version}",
        "taken_back": f"Version {version} was taken back",
    }.get(deployment.get("action", ""), f"Version {version}")
    return Headline("passed", words, f"{gates} It gets {count(traffic)} % of the traffic.")


def tiles(run: Run) -> tuple[Tile, ...]:
    """The key figures, those that this run has."""
    metrics = run.json("evaluation", "metrics.json") or {}
    overall = (metrics.get("candidate") or {}).get("overall") or {}
    champion = (metrics.get("champion") or {}).get("overall") or {}
    rows = run.json("rows", "rows.json") or {}
    found: list[Tile] = []
    for each in METRICS.values():
        value = overall.get(each.name)
        if each.thresholds != "operating" and known(value):
            found.append(Tile(each.heading, metric(value), *_against(each, value, champion.get(each.name))))
    if metrics.get("rows"):
        rate = percent(metrics.get("positives", 0) / metrics["rows"])
        found.append(Tile("Test rows", count(metrics["rows"]), f"{rate} positive"))
    elif rows.get("source_rows"):
        found.append(Tile("Source rows", count(rows["source_rows"])))
    if known(run.manifest.get("seconds")):
        cached = sum(bool(record.get("cached")) for record in run.stages.values())
        ran = "every stage ran" if run.manifest.get("state") == "done" else ""
        note = f"{cached} of {len(run.stages)} stages cached" if cached else ran
        found.append(Tile("Duration", seconds(run.manifest["seconds"]), note))
    return tuple(found)


def _against(measure: Metric, value: float, champion: Any) -> tuple[str, Tone]:
    if not known(champion):
        return measure.direction, "plain"
    tones: dict[Judgment, Tone] = {"better": "passed", "worse": "failed", "same": "plain"}
    return f"{signed(value - champion)} to champion", tones[measure.judge(value, champion, SAME)]


def verdict(run: Run) -> Verdict | Missing:
    """Every reason of `verdict.json`, the failed gates first."""
    content = run.verdict()
    if not content:
        return run.absent("evaluation")
    reasons = sorted(content["reasons"], key=lambda reason: bool(reason["passed"]))
    words = {
        "deploy": "The candidate may serve: every gate passed.",
        "reject": "The candidate is rejected; the endpoint stays as it was.",
    }[content["decision"]]
    deployment = run.json("deployment", "deployment.json") or {}
    return Verdict(content["decision"], words, reasons, tuple(_deployment(deployment)))


def _deployment(deployment: Mapping[str, Any]) -> list[str]:
    """What `deployment.json` says of the versions, the traffic and the golden rows."""
    if deployment.get("action") in ("rejected", "held"):  # its reasons are the gates above
        return []
    sentences = [str(reason) for reason in deployment.get("reasons") or ()]
    traffic = (deployment.get("endpoint") or {}).get("traffic") or {}
    alias = {str(version): f" ({name})" for name, version in (deployment.get("aliases") or {}).items()}
    if traffic:
        shares = [
            f"version {version}{alias.get(version, '')} {share} %" for version, share in traffic.items()
        ]
        sentences.append(f"Traffic: {', '.join(shares)}.")
    golden = deployment.get("golden") or {}
    if golden.get("rows"):
        sentences.append(
            f"{count(golden['rows'])} golden rows went through the real server; its scores are within "
            f"{figure(golden.get('max_difference'), 2)} of the offline ones."
        )
    if "endpoint_max_difference" in golden:
        sentences.append(
            "Through the endpoint, before the move of the traffic was final, the scores were within "
            f"{figure(golden['endpoint_max_difference'], 2)}."
        )
    return sentences


def comparison(run: Run) -> Comparison | Missing:
    """The metrics of candidate and champion, side by side."""
    metrics = run.json("evaluation", "metrics.json")
    if not metrics:
        return run.absent("evaluation")
    overall = metrics["candidate"]["overall"]
    champion = (metrics.get("champion") or {}).get("overall") or {}
    rows = tuple(
        _compared(measure, overall.get(measure.name), champion.get(measure.name), metrics)
        for measure in METRICS.values()
    )
    version = str(metrics.get("champion_version") or "")
    scope = f"{count(metrics.get('rows'))} test rows, {count(metrics.get('positives'))} of them positive"
    return Comparison(rows, version if champion else "", scope, positives_in_words(metrics))


def _compared(measure: Metric, value: Any, champion: Any, metrics: Mapping[str, Any]) -> Compared:
    hint = "; ".join(filter(None, (measure.hint, measure.direction)))
    if measure.thresholds == "operating":
        hint = f"at the threshold {metrics.get('threshold', NOTHING)}"
    both = known(value) and known(champion)
    difference = signed(value - champion) if both else NOTHING
    judgment: Judgment | Literal[""] = measure.judge(value, champion, SAME) if both else ""
    return Compared(measure.heading, hint, metric(value), metric(champion), difference, judgment)
