"""What a compiled graph must keep to run alike on every target.

KFP's local runner gives silent wrong results for some graphs that Vertex AI runs well, and the other way
round: docs/traps.md. Each rule here is one of them, or one that keeps a run what was reviewed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from configs.errors import SettingsError

Spec = Mapping[str, Any]
_GOOGLES = ("gcr.io/ml-pipeline/", "us-docker.pkg.dev/vertex-ai-restricted/")
"""Images that Google publishes by tag only."""
_CHANNEL = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
_PREFIX = "pipelinechannel--"
_PYTHON: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "BOOLEAN": (bool,),
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def check(spec: Spec, *, pinned: bool) -> None:
    """Reject a graph that would not run alike everywhere; pinned: also one with an image without its digest.

    Raises:
        SettingsError: The first problem in full, and the number of the others.
    """
    problems = list(lint(spec, pinned=pinned))
    if problems:
        others = f"({len(problems) - 1} more follow.)" if len(problems) > 1 else ""
        raise SettingsError(f"the compiled pipeline: {problems[0]}", remedy=others)


def lint(spec: Spec, *, pinned: bool = False) -> Iterator[str]:
    """Every problem of a graph, as a sentence with its remedy."""
    yield from _conditions(spec)
    yield from _loops(spec)
    yield from _images(spec, pinned=pinned)
    yield from _defaults(spec)
    yield from _constants(spec)


def _dags(spec: Spec) -> Iterator[Mapping[str, Any]]:
    """The tasks of each group, by name."""
    for component in (spec["root"], *spec["components"].values()):
        if "dag" in component:
            yield component["dag"]["tasks"]


def _conditions(spec: Spec) -> Iterator[str]:
    parameters = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for tasks in _dags(spec):
        conditions = {
            name: task["triggerPolicy"]["condition"]
            for name, task in tasks.items()
            if "condition" in task.get("triggerPolicy", {})
        }
        for name, condition in conditions.items():
            if not condition.startswith("!") and f"!({condition})" not in conditions.values():
                yield f"{name}: dsl.If without dsl.Else is always false locally; add the Else"
            for channel in _CHANNEL.findall(condition):
                if channel.removeprefix(_PREFIX) not in parameters and not channel.endswith("-Output"):
                    yield f"{name}: compares the named output {channel}; return one unnamed value"


def _loops(spec: Spec) -> Iterator[str]:
    for tasks in _dags(spec):
        for name, task in tasks.items():
            iterator = task.get("parameterIterator") or task.get("artifactIterator")
            if iterator is None:
                continue
            item = iterator["itemInput"]
            for channel, source in task.get("inputs", {}).get("parameters", {}).items():
                if "taskOutputParameter" in source and not item.startswith(channel):
                    yield (
                        f"{name}: its body uses another task's parameter {channel}, which is the loop's "
                        "item locally; pass it as an artifact"
                    )


def _images(spec: Spec, *, pinned: bool) -> Iterator[str]:
    for name, container in _containers(spec):
        image = container.get("image", "")
        if pinned and "@sha256:" not in image and not image.startswith(_GOOGLES):
            yield f"{name}: the image {image} is not named by its digest (NAME@sha256:…)"
        if any("pip install" in part for part in container.get("command", [])):
            yield f"{name}: installs packages when it starts; put them into the image"


def _containers(spec: Spec) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every container, those inside custom jobs too."""
    for label, executor in spec["deploymentSpec"]["executors"].items():
        if "container" in executor:  # an importer has none
            yield label.removeprefix("exec-"), executor["container"]
    for name, component in spec["components"].items():
        parameters = component.get("inputDefinitions", {}).get("parameters", {})
        for pool in parameters.get("worker_pool_specs", {}).get("defaultValue", []):
            container = pool["container_spec"]
            yield name.removeprefix("comp-"), {**container, "image": container["image_uri"]}


def _defaults(spec: Spec) -> Iterator[str]:
    for name, parameter in spec["root"].get("inputDefinitions", {}).get("parameters", {}).items():
        if "defaultValue" not in parameter:
            yield f"the pipeline's parameter '{name}' has no default; give it a concrete one ('' or 0)"


def _constants(spec: Spec) -> Iterator[str]:
    for tasks in _dags(spec):
        for name, task in tasks.items():
            component = spec["components"][task["componentRef"]["name"]]
            defined = component.get("inputDefinitions", {}).get("parameters", {})
            for parameter, source in task.get("inputs", {}).get("parameters", {}).items():
                constant = source.get("runtimeValue", {}).get("constant")
                kind = defined.get(parameter, {}).get("parameterType", "")
                if constant is not None and not isinstance(constant, _PYTHON.get(kind, (object,))):
                    yield f"{name}: '{parameter}' is a {kind}, but gets {constant!r}"
