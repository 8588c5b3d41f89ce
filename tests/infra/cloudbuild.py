"""What Cloud Build rejects only once a build has been sent: `mistakes(build)` says it before.

The schema and Google's proto see names and types; here is what ties the fields of one build together.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

BUILT_IN = frozenset(
    {
        "PROJECT_ID", "PROJECT_NUMBER", "LOCATION", "BUILD_ID", "TRIGGER_NAME", "TRIGGER_BUILD_CONFIG_PATH",
        "COMMIT_SHA", "REVISION_ID", "SHORT_SHA", "REPO_NAME", "REPO_FULL_NAME", "BRANCH_NAME", "TAG_NAME",
        "REF_NAME", "SERVICE_ACCOUNT", "SERVICE_ACCOUNT_EMAIL",
        "_HEAD_BRANCH", "_BASE_BRANCH", "_HEAD_REPO_URL", "_PR_NUMBER",
    }
)  # fmt: skip
"""Substitutions that Cloud Build makes itself."""
_NAME = re.compile(r"_[A-Z0-9_]+")
_USED = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{(\w+)[^}]*\}|([A-Z_][A-Z0-9_]*))")
_IN_SCRIPT = re.compile(r"\$\{?(_[A-Z0-9_]+)")
_LOGGED = {"CLOUD_LOGGING_ONLY", "NONE"}
Build = Mapping[str, Any]


class Mistake(NamedTuple):
    """Where in the build, what would be right, what is there."""

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"


def mistakes(build: Build) -> list[Mistake]:
    """Every mistake; empty where Cloud Build would begin."""
    return [mistake for rule in RULES for mistake in rule(build)]


def steps(build: Build) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each step with what it is called: its id, else its number."""
    for number, step in enumerate(build.get("steps") or [], 1):
        yield f"step {step.get('id') or number}", step


def names(build: Build) -> Iterator[Mistake]:
    """Substitutions of our own: _CAPITALS, with text as their values."""
    for name, value in (build.get("substitutions") or {}).items():
        if not _NAME.fullmatch(str(name)):
            yield Mistake(f"substitutions.{name}", "a name as _NAME: _, A-Z and 0-9", str(name))
        if not isinstance(value, str):
            yield Mistake(f"substitutions.{name}", "text: put it in quotes", repr(value))


def undefined(build: Build) -> Iterator[Mistake]:
    """What is used is built in or defined; $$NAME is the shell's."""
    defined = BUILT_IN | set(build.get("substitutions") or {})
    for where, text in _substituted(build):
        for name in sorted(_names(text) - defined):
            yield Mistake(where, f"a substitution that is defined, or $${name} for the shell", f"${name}")


def unused(build: Build) -> Iterator[Mistake]:
    """What is defined is used, unless the build sets the substitution option ALLOW_LOOSE."""
    options = build.get("options") or {}
    if options.get("substitutionOption") == "ALLOW_LOOSE" or _is_mapped(build, {}):
        return
    used = {name for _, text in _substituted(build) for name in _names(text)}
    used |= {name for _, step in steps(build) if _is_mapped(build, step) for name in _in_script(step)}
    for name in sorted(set(build.get("substitutions") or {}) - used):
        yield Mistake(f"substitutions.{name}", "to be used", "no use")


def scripts(build: Build) -> Iterator[Mistake]:
    """A script is alone, and sees substitutions only as environment variables."""
    for where, step in steps(build):
        if "script" not in step:
            continue
        for other in ("args", "entrypoint"):
            if other in step:
                yield Mistake(where, f"script or {other}", "both")
        known = {str(pair).partition("=")[0] for pair in step.get("env") or []}
        if not _is_mapped(build, step):
            for name in sorted(_in_script(step) - known):
                yield Mistake(where, f"env: [{name}=${name}] or automapSubstitutions", f"${name} in script")


def order(build: Build) -> Iterator[Mistake]:
    """A step waits for earlier ones."""
    earlier: set[str] = set()
    for where, step in steps(build):
        for name in step.get("waitFor") or []:
            if name != "-" and name not in earlier:
                yield Mistake(where, "waitFor an earlier step's id", repr(name))
        earlier.add(step.get("id", ""))


def ids(build: Build) -> Iterator[Mistake]:
    """No two steps of one id."""
    counted = Counter(step["id"] for _, step in steps(build) if "id" in step)
    for name, number in counted.items():
        if number > 1:
            yield Mistake(f"step {name}", "an id of its own", f"{number} steps of it")


def images(build: Build) -> Iterator[Mistake]:
    """Every step names its image."""
    for where, step in steps(build):
        if not step.get("name"):
            yield Mistake(where, "name: the image to run in", "none")
    if not build.get("steps"):
        yield Mistake("steps", "at least one", "none")


def secrets(build: Build) -> Iterator[Mistake]:
    """A step's secrets are declared."""
    available = build.get("availableSecrets") or {}
    declared = {each.get("env") for each in available.get("secretManager") or []}
    declared |= {name for each in available.get("inline") or [] for name in each.get("envMap") or {}}
    for where, step in steps(build):
        for name in step.get("secretEnv") or []:
            if name not in declared:
                yield Mistake(where, "secretEnv of availableSecrets", repr(name))


def volumes(build: Build) -> Iterator[Mistake]:
    """A volume is for sharing: Cloud Build rejects one of a single step."""
    counted = Counter(volume["name"] for _, step in steps(build) for volume in step.get("volumes") or [])
    for name, number in counted.items():
        if number == 1:
            yield Mistake(f"volume {name}", "at least two steps that mount it", "one")


def logs(build: Build) -> Iterator[Mistake]:
    """A build by an account of ours says where its logs go."""
    options = build.get("options") or {}
    said = (
        build.get("logsBucket")
        or options.get("logging") in _LOGGED
        or options.get("defaultLogsBucketBehavior")
    )
    if build.get("serviceAccount") and not said:
        expected = (
            "logsBucket, options.logging of CLOUD_LOGGING_ONLY or NONE, or options.defaultLogsBucketBehavior"
        )
        yield Mistake("serviceAccount", expected, "none")


def timeouts(build: Build) -> Iterator[Mistake]:
    """No step may take longer than the whole; Cloud Build's own limit is an hour."""
    whole = _seconds(build.get("timeout", "3600s"))
    for where, step in steps(build):
        if _seconds(step.get("timeout", "0s")) > whole:
            yield Mistake(where, f"a timeout within the build's {whole:g}s", str(step["timeout"]))


RULES: tuple[Callable[[Build], Iterator[Mistake]], ...] = (
    names, undefined, unused, scripts, order, ids, images, secrets, volumes, logs, timeouts,
)  # fmt: skip


def _substituted(build: Build) -> Iterator[tuple[str, str]]:
    """Every text in which Cloud Build replaces substitutions: all but scripts."""
    for key, value in build.items():
        if key != "steps":
            yield from ((key, text) for text in _texts(value))
    for where, step in steps(build):
        yield from ((where, text) for key, value in step.items() if key != "script" for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)


def _names(text: str) -> set[str]:
    return {braced or bare for braced, bare in _USED.findall(text)}


def _in_script(step: Mapping[str, Any]) -> set[str]:
    return set(_IN_SCRIPT.findall(step.get("script", "")))


def _is_mapped(build: Build, step: Mapping[str, Any]) -> bool:
    options = build.get("options") or {}
    return bool(step.get("automapSubstitutions", options.get("automapSubstitutions", False)))


def _seconds(duration: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s", duration)
    return float(found[1]) if found else 0.0  # a wrong form is the schema's to tell
