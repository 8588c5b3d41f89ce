"""How the run went and what it stands on: seconds stage by stage, lineage, places, next commands."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.report.numbers import figure
from components.report.reading import Run, shown
from components.report.scored import look
from configs.stages import STAGES

PHASES = ("start-up", "import", "work")


@dataclass(frozen=True)
class StageTime:
    """A stage: its state, its seconds by phase (as shares of the longest stage, too), its figures."""

    name: str
    what: str
    state: str
    """done, cached, failed, killed, waiting"""
    seconds: Mapping[str, float]
    shares: Mapping[str, float]
    total: float | None
    peak_memory_mib: float | None
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Timings:
    """All stages, and the seconds of the run that no stage accounts for."""

    stages: tuple[StageTime, ...]
    run_seconds: float | None
    between: float | None


@dataclass(frozen=True)
class Digest:
    """An artifact with the stage that wrote it and the digest of its content."""

    name: str
    stage: str
    read_by: str
    digest: str
    path: str


@dataclass(frozen=True)
class Lineage:
    """What the run stands on and what it made."""

    facts: tuple[tuple[str, str], ...]
    artifacts: tuple[Digest, ...]
    code: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    settings: str
    queries: tuple[tuple[str, str], ...]
    """Each with what it is."""


@dataclass(frozen=True)
class Command:
    """A command and what it does."""

    what: str
    line: str


def timings(run: Run) -> Timings:
    """The seconds of every stage; cached ones show those of their own run, and do not count."""
    records = run.stages
    names = list(dict.fromkeys([*run.order, *records]))
    for spec in STAGES[run.pipeline]:
        if any(branch in records for branch in spec.branches):
            names.remove(spec.name)
    longest = max((_total(record) for record in records.values()), default=0.0)
    stages = tuple(_stage_time(name, records.get(name), longest, run) for name in names)
    whole = run.manifest.get("seconds")
    own = sum(stage.total or 0.0 for stage in stages if stage.state != "cached")
    return Timings(stages, whole, max(0.0, whole - own) if whole is not None else None)


def _total(record: Mapping[str, Any]) -> float:
    return float(sum(record.get("seconds", {}).values()))


def _stage_time(name: str, record: Mapping[str, Any] | None, longest: float, run: Run) -> StageTime:
    what = run.tasks.get(name, "")
    if record is None:
        state = "cached" if run.passed(name) else "waiting"
        return StageTime(name, what, state, {}, {}, None, None, ())
    state = "cached" if record.get("cached") else record["state"]
    if state == "running" and run.manifest.get("state") != "running":
        state = "killed"
    seconds = {phase: record["seconds"].get(phase, 0.0) for phase in PHASES}
    return StageTime(
        name,
        what,
        state,
        seconds,
        {phase: value / (longest or 1.0) for phase, value in seconds.items()},
        _total(record),
        record.get("peak_memory_mib"),
        tuple(
            (key.replace("_", " "), figure(value))
            for key, value in (record.get("summary") or {}).items()
            if value not in ("", None)
        ),
    )


def lineage(run: Run) -> Lineage:
    """Fingerprints, digests, versions and settings: enough to tell whether two runs are the same."""
    manifest = run.manifest
    first = run.stages.get(next(iter(run.order), ""), {}).get("summary", {})
    machine = manifest.get("machine") or {}
    python = f"Python {machine['python']}" if machine.get("python") else ""
    facts = (
        ("Run", manifest.get("run_id", run.folder.name)),
        ("Command", manifest.get("command", "")),
        ("Environment", manifest.get("environment", "")),
        ("Commit", re.sub(r"\+$", " and uncommitted changes", manifest.get("commit", ""))),
        ("Source fingerprint", first.get("source", "")),
        ("Judged against", _judge(run, first)),
        ("Machine", ", ".join(filter(None, [machine.get("platform"), python]))),
    )
    settings, queries = _without_queries(run.settings)
    return Lineage(
        facts=tuple((name, str(value)) for name, value in facts if value),
        artifacts=tuple(_artifacts(run)),
        code=tuple(
            (name, code)
            for name, record in run.stages.items()
            if (code := (record.get("parameters") or {}).get("code"))
        ),
        versions=tuple(sorted((manifest.get("versions") or {}).items())),
        settings=json.dumps(settings, indent=2, ensure_ascii=False),
        queries=queries,
    )


def _judge(run: Run, resolved: Mapping[str, Any]) -> str:
    if run.pipeline != "training":
        return ""
    return f"version {resolved['champion']}" if resolved.get("champion") else "no champion"


def _without_queries(settings: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    """The settings without their SQL, and the SQL."""
    sections = {"source": "Query", "prediction": "Query of the rows to score"}
    rest = {name: {**(settings.get(name) or {})} for name in sections if name in settings}
    queries = tuple((sections[name], rest[name].pop("sql", "")) for name in rest)
    return {**rest, **{name: value for name, value in settings.items() if name not in rest}}, queries


def _artifacts(run: Run) -> list[Digest]:
    order = {name: index for index, name in enumerate(run.order)}
    stages = sorted(run.stages.items(), key=lambda each: order.get(each[0], len(order)))
    readers: dict[str, list[str]] = {}
    for name, record in stages:
        for artifact in record.get("inputs") or {}:
            readers.setdefault(artifact, []).append(name)
    return [
        Digest(name, stage, ", ".join(readers.get(name, ())), made.get("digest", ""), shown(made["path"]))
        for stage, record in stages
        for name, made in (record.get("outputs") or {}).items()
    ]


def places(run: Run) -> tuple[tuple[str, str], ...]:
    """Where the things lie that a person opens."""
    found = [
        ("run", run.folder),
        ("manifest", (run.page or run.folder) / "manifest.json"),
        ("logs", run.folder / "stages" if "://" not in str(run.folder) else None),
        *((name, run.uri(name)) for name in ("rows", "predictions", "model", "evaluation")),
        ("registry", (run.settings.get("places") or {}).get("registry", "").removeprefix("file://") or None),
        *(run.manifest.get("links") or {}).items(),
    ]
    return tuple((name, shown(path)) for name, path in found if path)


def next_commands(run: Run) -> tuple[Command, ...]:
    """What to type next; after a failure, how to resume."""
    use_case = _use_case(run)
    whole = "run again; finished stages are taken from the cache"
    listing = f"python -m pipelines status {run.manifest.get('name', '')}"
    status = Command("list the runs, versions and traffic", listing)
    if run.manifest.get("state") in ("failed", "cancelled"):
        return (Command(whole, again(run.manifest)), status)
    commands = [status, Command(whole, run.manifest.get("command", ""))]
    if delivered := run.json("delivery", "delivery.json"):
        commands.insert(0, Command("look at the predictions", look(delivered["output"], delivered["run_id"])))
    if log := run.path("training_log"):
        board = f"tensorboard --logdir {shlex.quote(shown(log / 'tensorboard'))}"
        commands.insert(0, Command("look at the training in TensorBoard", board))
    deployment = run.json("deployment", "deployment.json") or {}
    if deployment.get("version") is None:
        return tuple(commands)
    serving = [
        Command("serve the endpoint", f"python -m pipelines serve {use_case}"),
        Command("ask it for predictions", f"python -m pipelines predict {use_case}"),
    ]
    traffic = (deployment.get("endpoint") or {}).get("traffic") or {}
    if len(traffic) > 1:
        serving.append(Command("give the challenger all traffic", f"python -m pipelines promote {use_case}"))
    serving.append(Command("go back to the former champion", f"python -m pipelines rollback {use_case}"))
    return (*serving, *commands)


def again(manifest: Mapping[str, Any]) -> str:
    """The command that goes on with a run, so that no row is delivered twice."""
    command: str = manifest.get("command", "")
    repeats = any(word.partition("=")[0] == "--repeat" for word in shlex.split(command))
    if not command or repeats or manifest.get("pipeline", "training") == "training":
        return command
    return f"{command} --repeat {manifest['run_id']}"


def _use_case(run: Run) -> str:
    """The use case as it was named on the command line, and the environment if it is not the default."""
    words = shlex.split(run.manifest.get("command", ""))
    verb = next((word for word in words if word in {"run", "predict-batch"}), "")
    named = words[words.index(verb) + 1 :][:1] if verb else []
    use_case = named[0] if named and not named[0].startswith("-") else run.manifest.get("name", "")
    environment = run.manifest.get("environment", "local")
    return shlex.quote(use_case) + ("" if environment == "local" else f" --env {shlex.quote(environment)}")
