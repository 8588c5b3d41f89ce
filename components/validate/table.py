"""The findings as a table for people: in the stage's log, and on the screen of the command line."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

_STYLES = {"error": "bold red", "warning": "yellow"}


def table(report: Mapping[str, Any]) -> Table:
    """The content of `findings.json` as a table, errors first."""
    rows = ", ".join(f"{split} {count:,}" for split, count in report["rows"].items())
    findings = report["findings"]
    built = Table(title=f"{verdict(report)} ({rows} rows)", title_justify="left", show_lines=False)
    for heading in ("", "column", "split", "what", "expected", "got", "value / limit"):
        built.add_column(heading, overflow="fold")
    for one in findings:
        style = _STYLES[one["severity"]]
        cells = (one["column"], one["split"], one["kind"].replace("_", " "), one["expected"], one["got"])
        built.add_row(Text(one["severity"], style=style), *map(Text, cells), _measured(one))
    return built


def verdict(report: Mapping[str, Any]) -> str:
    """`2 errors, 1 warning in the data`, or that there is nothing to find."""
    found = [one["severity"] for one in report["findings"]]
    if not found:
        return "Nothing wrong with the data"
    counts = (
        f"{number} {word}{'s' if number > 1 else ''}"
        for word in ("error", "warning")
        if (number := found.count(word))
    )
    return f"{', '.join(counts)} in the data"


def _measured(finding: Mapping[str, Any]) -> str:
    """How far beyond the limit; empty where it is a matter of yes or no."""
    if finding["value"] is None:
        return ""
    if finding["limit"] is None:
        return f"{finding['value']:.4g}"
    return f"{finding['value']:.4g} / {finding['limit']:.4g}"
