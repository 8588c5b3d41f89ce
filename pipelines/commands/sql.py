"""`sql`: GoogleSQL over a source, tried before a run."""

import base64
import datetime
import json
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from components.shared.sources import open_source
from components.shared.sources.googlesql import statements
from components.shared.sources.source import Answer
from configs.bigquery import BigQueryAccess
from configs.errors import PipelineError, SourceError
from pipelines.view import open_console


def sql(file: str, uri: str, access: BigQueryAccess | None, *, as_json: bool) -> bool:
    """Answer each query of a file ("-": standard input); True if all were answered.

    Args:
        file: GoogleSQL, its queries separated by `;`.
        uri: Where the tables lie.
        access: Who pays where that is BigQuery.
        as_json: Print a line a query: {"columns": [[name, type], …], "rows": [[…], …]} or
            {"error": {"type", "subject", "expected", "got", "remedy"}}.

    Raises:
        SourceError: The file or the source cannot be read.
    """
    text = _text(file)
    show = _print_json if as_json else _print_table
    with open_source(uri, access=access).asking() as ask:
        answered = [_answered(ask, each, show) for each in statements(text)]
    return all(answered)


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    path = Path(file)
    if not path.is_file():
        raise SourceError(f"the file {file}", expected="GoogleSQL", got="no such file")
    return path.read_text()


def _answered(
    ask: Callable[[str], Answer], query: str, show: Callable[[Answer | PipelineError], None]
) -> bool:
    try:
        answer = ask(query)
    except PipelineError as error:
        show(error)
        return False
    show(answer)
    return True


def _print_json(answer: Answer | PipelineError) -> None:
    if isinstance(answer, PipelineError):
        fields = {name: getattr(answer, name) for name in ("subject", "expected", "got", "remedy")}
        line: dict[str, Any] = {"error": {"type": type(answer).__name__, **fields}}
    else:
        line = {"columns": answer.columns, "rows": [list(map(json_value, row)) for row in answer.rows]}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def json_value(value: Any) -> Any:  # noqa: PLR0911 - a branch a kind of value
    """A value as GoogleSQL's TO_JSON_STRING writes it; an INT64 is a number, however large.

    NaN and infinities are strings, NUMERIC a string, BYTES base64, times ISO 8601, a STRUCT an object.
    """
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case Decimal():
            return plain_decimal(value)
        case bytes():
            return base64.b64encode(value).decode()
        case datetime.datetime() if value.tzinfo:
            return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat() + "Z"
        case datetime.date() | datetime.time():
            return value.isoformat()
        case list():
            return list(map(json_value, value))
        case dict():
            return {name: json_value(each) for name, each in value.items()}
    return value


def plain_decimal(value: Decimal) -> str:
    """A NUMERIC's digits without an exponent and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _print_table(answer: Answer | PipelineError) -> None:
    from rich.table import Table

    if isinstance(answer, PipelineError):
        sys.stderr.write(f"{type(answer).__name__}: {answer}\n")
        return
    table = Table(box=None, header_style="bold")
    for name, type_ in answer.columns:
        table.add_column(f"{name}\n{type_}", overflow="fold")
    for row in answer.rows:
        table.add_row(*map(_shown, row))
    open_console().print(table)


def _shown(value: Any) -> str:
    from rich.markup import escape

    plain = json_value(value)
    return (
        "NULL"
        if plain is None
        else escape(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))
    )
