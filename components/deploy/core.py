"""From a model that passed to a version that serves; nothing moves before the real server has proved itself.

Every step looks at the registry first, so that a run killed anywhere is simply run again: a model is
registered once, a version that serves is left serving, and one that a person rolled back stays so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from components.deploy import golden, server
from components.deploy.settings import DeployStage
from components.shared.files.artifacts import Summary, digest, read_json, write_json, writing
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.registry import Ask, Endpoint, Registry, Submission, Version, open_registry
from components.shared.stage.recording import Progress
from configs.errors import EndpointError, RegistryError
from configs.verdict import current_verdict

Action = Literal["deployed", "already_serving", "left_alone", "rejected", "taken_back"]
_SERVING = {"champion", "challenger"}


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate.

    Args:
        action: What was done.
        version: Its version, if it has one.
        endpoint: Who serves now; empty after `reject`, which does not look.
        golden: How many `rows` were sent to the server, and their `max_difference` to offline scores;
            `endpoint_max_difference` of those that went through the endpoint, where it can be called.
        seconds: What the server's start took, by step; empty, as `golden` is, if it was not called.
        reasons: Why nothing was deployed.
    """

    action: Action
    version: Version | None
    endpoint: Endpoint
    golden: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    reasons: Sequence[str] = ()


def run(
    candidate: Submission,
    stage: DeployStage,
    out: Place,
    progress: Progress,
    command: Sequence[str] = server.COMMAND,
) -> Summary:
    """Deploy a candidate, unless that is done already or a person decided otherwise.

    Args:
        candidate: What to deploy; its verdict must be "deploy". If its lineage has no `judged_against`, the
            champion is not compared.
        stage: The model's name, the registry, and how a version reaches the endpoint.
        out: Becomes a folder with deployment.json.
        progress: Called at every step.
        command: Starts the prediction server.

    Raises:
        RegistryError: The decision is not "deploy", or the champion is not the one it was judged against.
        EndpointError: The server does not start, or does not say what was computed offline; the traffic is
            where it was.
    """
    decision = _verdict(candidate.evaluation)["decision"]
    if decision != "deploy":
        file = candidate.evaluation / "verdict.json"
        raise RegistryError(str(file), expected="decision 'deploy'", got=f"'{decision}'")
    registry = open_registry(stage.registry, stage.vertex)
    registry.reconcile(stage.name)
    known = _known(registry, stage.name, candidate)
    if known and known.status in _SERVING:
        return _write(out, Outcome("already_serving", known, registry.endpoint(stage.name)))
    if known and known.status == "rolled back":
        reason = (
            f"Version {known.number}, made from the same inputs, was rolled back. To serve it again: "
            f"python -m pipelines promote {known.name} {known.number}"
        )
        return _write(out, Outcome("left_alone", known, registry.endpoint(stage.name), reasons=[reason]))
    judged_against = candidate.lineage.get("judged_against")
    registry.endpoint(stage.name).check_verdict(judged_against)
    progress("registering", 0)
    version = registry.register(stage.name, candidate)
    found, seconds = _prove(version, stage, progress, command)
    progress("moving traffic", 0)
    percent = stage.deployment.canary_percent
    check = partial(_ask_endpoint, version, stage, found)
    try:
        endpoint = registry.deploy(stage.name, version.number, percent, judged_against, check)
    except EndpointError as error:
        now = registry.endpoint(stage.name)
        _write(out, Outcome("taken_back", version, now, found, seconds, [str(error)]))
        raise
    except RegistryError:
        quicker = _known(registry, stage.name, candidate)
        if quicker is None or quicker.status not in _SERVING:
            raise
        return _write(out, Outcome("already_serving", quicker, registry.endpoint(stage.name)))
    registry.clean_up(stage.name, stage.deployment.keep_versions)
    return _write(out, Outcome("deployed", version, endpoint, found, seconds))


def reject(evaluation: Place, out: Place) -> Summary:
    """Deploy nothing and keep the reasons of the verdict in deployment.json."""
    reasons = _verdict(evaluation)["reasons"]
    failed = [reason["sentence"] for reason in reasons if not reason["passed"]]
    return _write(out, Outcome("rejected", None, Endpoint(), reasons=failed))


def _verdict(evaluation: Place) -> dict[str, Any]:
    path = evaluation / "verdict.json"
    return current_verdict(read_json(path), str(path))


def _known(registry: Registry, name: str, candidate: Submission) -> Version | None:
    """The version that already is this candidate, by its model or else by its inputs."""
    same_model = registry.find(name, digest(candidate.model))
    if same_model and same_model.status in {*_SERVING, "rolled back"}:
        return same_model
    versions = [version for version in registry.versions(name) if version.has_inputs(candidate.lineage)]
    by_status = {version.status: version for version in versions}
    champion = by_status.get("champion")
    if champion and str(champion.number) != candidate.lineage.get("judged_against"):
        return champion  # the run stands on the champion's predecessor: it is the champion's own run
    return by_status.get("rolled back")


def _prove(
    version: Version, stage: DeployStage, progress: Progress, command: Sequence[str]
) -> tuple[dict[str, float], Mapping[str, float]]:
    """Let the real server answer the golden requests from the registered files: `golden` and `seconds`."""
    deployment = stage.deployment
    requests = golden.read(version.evaluation)
    progress("starting the server", 0)
    with (
        local_copy(version.model) as model,
        server.started(model, deployment.serving, deployment.start_seconds, command) as client,
    ):
        difference = golden.largest_difference(
            client, requests, deployment.tolerance, deployment.serving.max_batch_rows, progress
        )
        seconds = client.get("/").json()["versions"][0]["seconds"]
    return {"rows": len(requests.instances), "max_difference": difference}, seconds


def _ask_endpoint(version: Version, stage: DeployStage, found: dict[str, float], ask: Ask) -> None:
    """The golden requests once more, as one request through the endpoint; the difference goes to `found`."""
    requests = golden.read(version.evaluation).part(0, stage.deployment.serving.max_batch_rows)
    served, tolerance = ask(requests.instances), stage.deployment.tolerance
    found["endpoint_max_difference"] = golden.difference(requests, served, tolerance, "the endpoint")


def _write(out: Place, outcome: Outcome) -> Summary:
    version, traffic = outcome.version, outcome.endpoint.traffic
    number = version.number if version else None
    content: dict[str, Any] = {
        "version": number,
        "action": outcome.action,
        "endpoint": {"traffic": traffic},
        "aliases": outcome.endpoint.aliases,
        "golden": outcome.golden or None,
        "reasons": outcome.reasons,
    }
    if version and version.resources:
        content["resources"] = version.resources
    with writing(out) as folder:
        write_json(folder / "deployment.json", content)
    summary: dict[str, int | float | str] = {"action": outcome.action}
    if number is not None:
        summary |= {"version": number, "traffic_percent": traffic.get(number, 0)}
    summary |= {f"golden_{name}": value for name, value in outcome.golden.items()}
    summary |= {f"server_{step}_seconds": value for step, value in outcome.seconds.items()}
    return summary
