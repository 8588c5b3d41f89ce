"""Reads a use case and an environment into `Settings`; names every mistake by file and line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from configs.errors import PipelineError, SettingsError, did_you_mean
from configs.settings import Settings

CONFIGS = Path(__file__).parent
FILE = "use_case.yaml"
SCHEMA = "schema.pbtxt"
_WITH_SQL = ("source", "prediction")
"""Sections whose `query` is a file."""

S = TypeVar("S", bound=BaseModel)
KeyPath = tuple[str | int, ...]
Origins = dict[KeyPath, str]
"""Where each key is set: `file:line`, or the override itself."""


def load(use_case: str | Path, environment: str = "local", overrides: Sequence[str] = ()) -> Settings:
    """The settings of a use case in an environment.

    Args:
        use_case: The name of a folder in `configs/`, or a path to such a folder.
        environment: The name of a file in `configs/environments/`.
        overrides: `section.key=value` (the value is YAML); the last word.

    Raises:
        SettingsError: Unknown use case or environment, broken YAML, unknown key, impossible value.
    """
    folder = use_case_folder(use_case)
    origins: Origins = {}
    merged: dict[str, Any] = {"environment": environment}
    for layer in (
        _read(folder / FILE, origins),
        _read(_environment_file(environment), origins),
        *(_override(text, origins) for text in overrides),
    ):
        merged = _merge(merged, layer)
    _add_sql(merged, folder, origins)
    merged["schema_pbtxt"] = schema_text(folder)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise _translate_validation_error(error, origins, folder / FILE) from None


def read_section(path: Path, model: type[S]) -> S:
    """One section that is a file of its own.

    Raises:
        SettingsError: It is no YAML, or a key is unknown, missing or impossible.
    """
    origins: Origins = {}
    path = _as_seen_from_here(path)
    try:
        return model.model_validate(_read(path, origins))
    except ValidationError as error:
        raise _translate_validation_error(error, origins, path, model) from None


def use_case_folder(use_case: str | Path) -> Path:
    """The folder of a use case, by its name or its path.

    Raises:
        SettingsError: There is none; the nearest name is given.
    """
    for folder in (Path(use_case), CONFIGS / use_case):
        if (folder / FILE).is_file():
            return _as_seen_from_here(folder)
    known = use_cases()
    raise SettingsError(
        f"use case '{use_case}'",
        expected=f"one of {', '.join(known)}, or a folder with {FILE}",
        remedy=did_you_mean(str(use_case), known),
    )


def _as_seen_from_here(path: Path) -> Path:
    """Relative to the working folder where it lies inside, for shorter messages."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path


def use_cases() -> list[str]:
    """The names of the use cases in `configs/`."""
    return sorted(path.parent.name for path in CONFIGS.glob(f"*/{FILE}"))


def schema_text(use_case: str | Path) -> str:
    """The reviewed schema next to the use case; empty before the first run."""
    path = use_case_folder(use_case) / SCHEMA
    return path.read_text() if path.is_file() else ""


def _environment_file(environment: str) -> Path:
    path = _as_seen_from_here(CONFIGS / "environments" / f"{environment}.yaml")
    if path.is_file():
        return path
    known = sorted(file.stem for file in path.parent.glob("*.yaml"))
    raise SettingsError(
        f"environment '{environment}'",
        expected=f"one of {', '.join(known)}",
        remedy=did_you_mean(environment, known),
    )


def _read(path: Path, origins: Origins) -> dict[str, Any]:
    try:
        node = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise SettingsError(
            f"{path}{line}", expected="YAML", got=getattr(error, "problem", None) or str(error)
        ) from None
    if node is None:
        return {}
    _note_origins(node, (), path, origins)
    if not isinstance(content, dict):
        raise SettingsError(str(path), expected="keys and values", got=type(content).__name__)
    return content


def _note_origins(node: yaml.Node, at: KeyPath, path: Path, origins: Origins) -> None:
    """Remember the line of every key; reject a key given twice."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise SettingsError(
                    f"{path}:{key.start_mark.line + 1}",
                    expected="each key once",
                    got=f"'{key.value}' again",
                )
            seen.add(key.value)
            origins[(*at, key.value)] = f"{path}:{key.start_mark.line + 1}"
            _note_origins(value, (*at, key.value), path, origins)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            origins[(*at, index)] = f"{path}:{value.start_mark.line + 1}"
            _note_origins(value, (*at, index), path, origins)


def _override(text: str, origins: Origins) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise SettingsError(f"override '{text}'", expected="section.key=value")
    parts = key.strip().split(".")
    for length in range(1, len(parts) + 1):
        origins[tuple(parts[:length])] = f"override '{text}'"
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"override '{text}'", expected="a YAML value", got=str(error)) from None
    for part in reversed(parts):
        nested = {part: nested}
    return dict(nested)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` upon `base`: sections are joined, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _add_sql(merged: dict[str, Any], folder: Path, origins: Origins) -> None:
    for name in _WITH_SQL:
        section = merged.get(name)
        if not isinstance(section, dict) or not section.get("query"):
            continue
        path = folder / str(section["query"])
        if not path.is_file():
            raise SettingsError(
                f"{origins.get((name, 'query'), folder / FILE)}: {name}.query",
                expected="a SQL file beside the YAML",
                got=str(path),
                remedy=did_you_mean(path.name, [file.name for file in path.parent.glob("*.sql")]),
            )
        merged[name] = {**section, "sql": path.read_text()}


def _translate_validation_error(
    error: ValidationError, origins: Origins, file: Path, model: type[BaseModel] = Settings
) -> PipelineError:
    """The first mistake in full, the number of the others."""
    details = error.errors()
    first = details[0]
    at = _key_path(first)
    others = f" ({len(details) - 1} more mistakes follow.)" if len(details) > 1 else ""
    subject = f"{_origin(at, origins, file)}: {'.'.join(map(str, at)) or 'settings'}"
    if first["type"] == "extra_forbidden":
        known = _fields_at(at[:-1], model)
        return SettingsError(
            subject,
            expected=f"one of {', '.join(known)}",
            got=f"the unknown key '{at[-1]}'",
            remedy=did_you_mean(str(at[-1]), known) + others,
        )
    if first["type"] == "missing":
        return SettingsError(
            subject, expected="this key", got="nothing", remedy=f"Add it to {file}." + others
        )
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and isinstance(first["input"], dict | BaseModel):
        return SettingsError(f"{subject}: {message}", remedy=others.strip())
    got = "" if isinstance(first["input"], dict | BaseModel) else repr(first["input"])
    return SettingsError(subject, expected=message, got=got, remedy=others.strip())


def _key_path(details: ErrorDetails) -> KeyPath:
    """The keys as they stand in the YAML: without the tags of unions and dictionary keys."""
    path = tuple(part for part in details["loc"] if part != "[key]")
    if path[:1] == ("split",) and len(path) > 1 and path[1] in ("time", "hash"):
        return (path[0], *path[2:])
    return path


def _origin(at: KeyPath, origins: Origins, file: Path) -> str:
    """Where the innermost key that is given is set."""
    for length in range(len(at), 0, -1):
        if at[:length] in origins:
            return origins[at[:length]]
    return str(file)


def _fields_at(at: KeyPath, root: type[BaseModel]) -> list[str]:
    """The keys that may stand at a path of the settings."""
    models = [root]
    for part in at:  # a key, or the name or the index of an entry, which is no field
        annotations = [model.model_fields[part].annotation for model in models if part in model.model_fields]
        models = [model for each in annotations for model in _models_in(each)] if annotations else models
    return sorted({name for model in models for name in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """An annotation that is a section, or the sections in its brackets."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
