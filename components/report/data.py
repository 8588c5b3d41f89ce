"""The data of the run: rows that came, rows that were left out and why, findings, distances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from components.report.numbers import count, known
from components.report.reading import Missing, Run
from configs.rows import SPLITS


@dataclass(frozen=True)
class SplitRows:
    """The rows of a split, from the source to the examples."""

    name: str
    rows: int
    share: float
    examples: int | None
    rejected: int | None


@dataclass(frozen=True)
class Reconciled:
    """A sum that must come out, in words."""

    holds: bool
    words: str

    @classmethod
    def of(cls, parts: Sequence[tuple[float, str]], total: float, whole: str) -> Self:
        """Compare the sum of the parts, each with its name or "", with a total that is named `whole`."""
        holds = sum(rows for rows, _ in parts) == total
        left = " + ".join(f"{count(rows)} {name}".rstrip() for rows, name in parts)
        return cls(holds, f"{left} {'=' if holds else '≠'} {count(total)} {whole}")


@dataclass(frozen=True)
class RowCounts:
    """Where every row of the source went."""

    source_rows: int | None
    splits: tuple[SplitRows, ...]
    excluded: tuple[tuple[str, int], ...]
    rejected: tuple[tuple[str, int], ...]
    sums: tuple[Reconciled, ...]
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Distance:
    """How far apart two distributions of a column are; `share` is of the limit, at most 1.5."""

    column: str
    kind: str
    between: str
    measure: str
    value: float
    limit: float | None
    share: float
    over: bool
    ignored: bool
    """The settings expect it to be large."""


@dataclass(frozen=True)
class Findings:
    """What was found wrong or strange in the rows."""

    findings: tuple[Mapping[str, Any], ...]
    distances: tuple[Distance, ...]


def row_counts(run: Run) -> RowCounts | Missing:
    """The counts of ingest and transform, and whether they reconcile."""
    rows = run.json("rows", "rows.json")
    if not rows:
        return run.absent("rows")
    examples = run.json("examples", "examples.json") or {}
    splits: dict[str, Any] = {name: rows["splits"][name] for name in SPLITS if name in rows.get("splits", {})}
    total = sum(split["rows"] for split in splits.values()) or 1
    return RowCounts(
        source_rows=rows.get("source_rows"),
        splits=tuple(
            SplitRows(name, split["rows"], split["rows"] / total, made.get("out"), made.get("rejected"))
            for name, split in splits.items()
            for made in [(examples.get("splits") or {}).get(name) or {}]
        ),
        excluded=by_size(rows.get("excluded")),
        rejected=by_size(examples.get("rejected")),
        sums=(*_ingested(rows), *_examples(examples, splits)),
        columns=tuple((rows.get("columns") or {}).items()),
    )


def by_size(reasons: Mapping[str, int] | None) -> tuple[tuple[str, int], ...]:
    """Reasons with their rows, the most frequent first."""
    return tuple(sorted((reasons or {}).items(), key=lambda reason: -reason[1]))


def _ingested(rows: Mapping[str, Any]) -> list[Reconciled]:
    if not known(rows.get("source_rows")):
        return []
    parts = [(split["rows"], "") for split in rows["splits"].values()]
    if excluded := sum((rows.get("excluded") or {}).values()):
        parts.append((excluded, "excluded"))
    return [Reconciled.of(parts, rows["source_rows"], "source rows")]


def _examples(examples: Mapping[str, Any], splits: Mapping[str, Any]) -> list[Reconciled]:
    sums = []
    for name, counted in (examples.get("splits") or {}).items():
        came = counted.get("in", splits.get(name, {}).get("rows"))
        out, rejected = counted.get("out"), counted.get("rejected", 0)
        if known(came) and known(out):
            found = Reconciled.of([(out, "examples"), (rejected, "rejected")], came, "rows")
            sums.append(replace(found, words=f"{name}: {found.words}"))
    return sums


def findings(run: Run) -> Findings | Missing:
    """The findings, errors first, and the distances, the farthest first."""
    content = run.json("statistics", "findings.json")
    if content is None:
        return run.absent("statistics")
    found = sorted(content.get("findings") or (), key=lambda each: each.get("severity") != "error")
    distances = (_distance(each) for each in content.get("distances") or () if known(each.get("value")))
    return Findings(tuple(found), tuple(sorted(distances, key=lambda each: (-each.share, -each.value))))


def _distance(each: Mapping[str, Any]) -> Distance:
    value, limit = each["value"], each.get("limit")
    share = value / limit if limit else value
    drift = each.get("kind") == "drift"
    return Distance(
        column=each.get("column", ""),
        kind=each.get("kind", ""),
        between="this run and the last accepted" if drift else f"train and {each.get('split', '')}",
        measure={"linf": "L∞", "js": "Jensen-Shannon"}.get(each.get("measure", ""), each.get("measure", "")),
        value=value,
        limit=limit,
        share=min(share, 1.5),
        over=limit is not None and value > limit and not each.get("ignored"),
        ignored=bool(each.get("ignored")),
    )
