"""Asks a running server: instances from a file in, scores out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from configs.errors import EndpointError, RequestError, UnreadableFileError, did_you_mean

Instance = Mapping[str, Any]
_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """What a server says of itself."""

    url: str
    predict: str
    """The route."""
    max_instances: int
    features: tuple[str, ...]
    """Of any version that serves, numeric first."""


def find(url: str) -> Server:
    """The server at `url`.

    Raises:
        EndpointError: None answers there, or it is not ready.
    """
    about = _send(httpx.Request("GET", f"{url.rstrip('/')}/")).json()
    if not about.get("versions"):
        raise EndpointError(f"server {url}", expected="one that is ready", got="one that is still loading")
    served = [version["features"] for version in about["versions"]]
    columns = [name for kind in ("numeric", "categorical") for each in served for name in each[kind]]
    features = tuple(dict.fromkeys(columns))
    return Server(url.rstrip("/"), about["routes"]["predict"], about["limits"]["instances"], features)


def predict(server: Server, instances: Sequence[Instance]) -> list[tuple[float, str]]:
    """The scores of all instances, in order, in as many requests as the server's limit asks for.

    Each comes with the version that gave it, which is empty if the server does not serve a registry.

    Raises:
        RequestError: The server rejected an instance; the message is its own, counted from the first.
        EndpointError: It went away.
    """
    predictions: list[tuple[float, str]] = []
    for start in range(0, len(instances), server.max_instances):
        part = instances[start : start + server.max_instances]
        body = orjson.dumps({"instances": part})
        answer = _send(httpx.Request("POST", server.url + server.predict, content=body), start).json()
        version = answer.get("modelVersionId", "")
        predictions += [(score, version) for score in answer["predictions"]]
    return predictions


def read(path: Path, features: Sequence[str]) -> list[Instance]:
    """The instances of a file: .json, .jsonl, .csv or .parquet.

    JSON is sent as it stands. Of a table only the features are; it may have other columns.

    Raises:
        UnreadableFileError: Not of its format, or none of these.
        RequestError: A table without one of the features.
    """
    readers = {".json": _json, ".jsonl": _json_lines, ".csv": _table, ".parquet": _table}
    if path.suffix not in readers or not path.is_file():
        got = f"'{path.suffix}'" if path.is_file() else "no such file"
        raise UnreadableFileError(str(path), expected=f"a file of {', '.join(readers)}", got=got)
    try:
        return readers[path.suffix](path, features)
    except (ValueError, OSError) as error:  # pyarrow's and orjson's errors are ValueErrors
        raise UnreadableFileError(str(path), expected=f"{path.suffix} instances", got=str(error)) from None


def _send(request: httpx.Request, offset: int = 0) -> httpx.Response:
    try:
        with httpx.Client(trust_env=False, timeout=_SECONDS) as client:
            answer = client.send(request)
    except httpx.HTTPError as error:
        raise EndpointError(
            f"server {request.url}",
            expected="an answer",
            got=str(error),
            remedy="Start it: python -m pipelines serve USE_CASE.",
        ) from None
    if answer.is_success:
        return answer
    raise _error_of(request, answer, offset)


def _error_of(request: httpx.Request, answer: httpx.Response, offset: int) -> RequestError | EndpointError:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return EndpointError(
            f"server {request.url}", expected="our prediction server", got=f"status {answer.status_code}"
        )
    message = str(error["message"])
    index = next((detail.get("instance") for detail in error.get("details", [])), None)
    if index is not None:
        message = message.replace(f"instances[{index}]", f"instances[{index + offset}]", 1)
    return (RequestError if answer.is_client_error else EndpointError)(message)


def _json(path: Path, _: Sequence[str]) -> list[Instance]:
    content = orjson.loads(path.read_bytes())
    if isinstance(content, dict):
        content = content.get("instances", [content])
    if not isinstance(content, list):
        raise ValueError('neither a list, nor {"instances": [...]}, nor one object')  # noqa: TRY004 - reported as unreadable
    return content


def _json_lines(path: Path, _: Sequence[str]) -> list[Instance]:
    instances = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            instances += [orjson.loads(line)] if line.strip() else []
        except orjson.JSONDecodeError as error:
            raise ValueError(f"line {number}: {error}") from None
    return instances


def _table(path: Path, features: Sequence[str]) -> list[Instance]:
    from pyarrow import csv, parquet

    table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    absent = [name for name in features if name not in table.column_names]
    if absent:
        raise RequestError(
            f"{path}",
            expected=f"a column for each feature; an empty one counts as missing: {', '.join(features)}",
            got=f"no column '{absent[0]}'",
            remedy=did_you_mean(absent[0], table.column_names),
        )
    columns = [_plain(table.column(name)) for name in features]
    return [dict(zip(features, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(column: Any) -> list[Any]:
    """Values that JSON knows: a number that is not finite is missing, a date or the like is a string."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
    kind = column.type
    as_it_is = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return list((column if as_it_is else column.cast(pa.string())).to_pylist())
