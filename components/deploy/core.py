"""From a model that passed to a version that serves; nothing moves before the real server has proved itself.

Every step looks at the registry first, so that a run killed anywhere is simply run again: a model is
registered once, a version that serves is left serving, and one that a person rolled back stays so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
class Proof:
    """How the server did.

    Args:
        golden: How many `rows`, and their `max_difference` to offline scores; `endpoint_max_difference` of
            those that went through the endpoint, where it can be called.
        seconds: What its start took, by step.
    """

    golden: Mapping[str, float]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate.

    Args:
        action: What was done.
        version: Its version, if it has one.
        endpoint: Who serves now; empty after `reject`, which does not look.
        proof: What the server answered; None if it was not called.
        reasons: Why nothing was deployed.
    """

    action: Action
    version: Version | None
    endpoint: Endpoint
    proof: Proof | None = None
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Candidate:
    """A model and what is known of it.

    Args:
        model: The SavedModel's folder.
        evaluation: Verdict, metrics and golden requests.
        statistics: The statistics of the rows it was trained on.
        lineage: `run_id`, `source`, `inputs_digest`, and `judged_against`, the champion's version ("" for
            none; left out, the champion is not compared).
    """

    model: Place
    evaluation: Place
    statistics: Place
    lineage: Mapping[str, str]


def run(
    candidate: Candidate,
    stage: DeployStage,
    out: Place,
    progress: Progress,
    command: Sequence[str] = server.COMMAND,
) -> Summary:
    """Deploy a candidate, unless that is done already or a person decided otherwise.

    Args:
        candidate: What to deploy; its verdict must be "deploy".
        stage: The model's name, the registry, and how a version reaches the endpoint.
        out: Becomes a folder with deployment.json.
        progress: Called at every step.
        command: Starts the prediction server.

    Raises:
        RegistryError: The decision is not "deploy", or the champion is not the one it was judged against.
        EndpointError: The server does not start, or does not say what was computed offline; the traffic is
            where it was.
    """
    _must_have_passed(candidate.evaluation)
    registry = open_registry(stage.registry, stage.vertex)
    registry.reconcile(stage.name)
    known = _known(registry, stage.name, candidate)
    if known and known.status in _SERVING:
        return _write(out, Outcome("already_serving", known, registry.endpoint(stage.name)))
    if known and known.status == "rolled back":
        reasons = [_left_alone(known)]
        return _write(out, Outcome("left_alone", known, registry.endpoint(stage.name), reasons=reasons))
    judged_against = candidate.lineage.get("judged_against")
    registry.endpoint(stage.name).check_verdict(judged_against)
    progress("registering", 0)
    submission = Submission(candidate.model, candidate.statistics, candidate.evaluation, candidate.lineage)
    version = registry.register(stage.name, submission)
    proof = _prove(version, stage, progress, command)
    progress("moving traffic", 0)
    percent = stage.deployment.canary_percent
    check = _Check(version, stage)
    try:
        endpoint = registry.deploy(stage.name, version.number, percent, judged_against, check)
    except EndpointError as error:
        _write(out, Outcome("taken_back", version, registry.endpoint(stage.name), proof, [str(error)]))
        raise
    except RegistryError:
        quicker = _known(registry, stage.name, candidate)
        if quicker is None or quicker.status not in _SERVING:
            raise
        return _write(out, Outcome("already_serving", quicker, registry.endpoint(stage.name)))
    registry.clean_up(stage.name, stage.deployment.keep_versions)
    proof = replace(proof, golden={**proof.golden, **check.found})
    return _write(out, Outcome("deployed", version, endpoint, proof))


def reject(evaluation: Place, out: Place) -> Summary:
    """Deploy nothing and keep the reasons of the verdict in deployment.json."""
    reasons = _verdict(evaluation)["reasons"]
    failed = [reason["sentence"] for reason in reasons if not reason["passed"]]
    return _write(out, Outcome("rejected", None, Endpoint(), reasons=failed))


def _verdict(evaluation: Place) -> dict[str, Any]:
    path = evaluation / "verdict.json"
    return current_verdict(read_json(path), str(path))


def _must_have_passed(evaluation: Place) -> None:
    decision = _verdict(evaluation)["decision"]
    if decision != "deploy":
        raise RegistryError(
            str(evaluation / "verdict.json"), expected="decision 'deploy'", got=f"'{decision}'"
        )


def _known(registry: Registry, name: str, candidate: Candidate) -> Version | None:
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


def _left_alone(version: Version) -> str:
    return (
        f"Version {version.number}, made from the same inputs, was rolled back. To serve it again: "
        f"python -m pipelines promote {version.name} {version.number}"
    )


def _prove(version: Version, stage: DeployStage, progress: Progress, command: Sequence[str]) -> Proof:
    """Let the real server answer the golden requests from the registered files."""
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
    return Proof({"rows": len(requests.instances), "max_difference": difference}, seconds)


class _Check:
    """The golden requests once more, as one request through the endpoint; `found` is the difference."""

    def __init__(self, version: Version, stage: DeployStage) -> None:
        self._requests = golden.read(version.evaluation).part(0, stage.deployment.serving.max_batch_rows)
        self._tolerance = stage.deployment.tolerance
        self.found: dict[str, float] = {}

    def __call__(self, ask: Ask) -> None:
        served = ask(self._requests.instances)
        difference = golden.difference(self._requests, served, self._tolerance, "the endpoint")
        self.found["endpoint_max_difference"] = difference


def _write(out: Place, outcome: Outcome) -> Summary:
    version, traffic, proof = outcome.version, outcome.endpoint.traffic, outcome.proof
    number = version.number if version else None
    content: dict[str, Any] = {
        "version": number,
        "action": outcome.action,
        "endpoint": {"traffic": traffic},
        "aliases": outcome.endpoint.aliases,
        "golden": proof.golden if proof else None,
        "reasons": outcome.reasons,
    }
    if version and version.resources:
        content["resources"] = version.resources
    with writing(out) as folder:
        write_json(folder / "deployment.json", content)
    summary: dict[str, int | float | str] = {"action": outcome.action}
    if number is not None:
        summary |= {"version": number, "traffic_percent": traffic.get(number, 0)}
    if proof:
        summary |= {f"golden_{name}": value for name, value in proof.golden.items()}
        summary |= {f"server_{step}_seconds": value for step, value in proof.seconds.items()}
    return summary
