"""What statistics cost: `python -m benchmarks.validate [--rows FOLDER] [--times N …]`, about a minute.

The statistics of `validate`, which reads a few shards at a time and merges, against exact ones that DuckDB
computes in queries over all shards of a split. Expect rows a second, peak memory and their ratios, for the
rows of flights and for ten times as many (the same shards again). Each is measured in a process of its own.
Without --rows: those of the newest run of flights below output/. By default: `--times 1 --times 10`.
"""

import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import typer
from rich.console import Console

from benchmarks._harness import Cost, cost_table, measure_apart, newest
from components.shared.files.artifacts import shard_path, shards
from components.shared.files.paths import parallel_map
from components.shared.rows.missing import FLOAT32_MAX
from components.shared.stage.recording import silent
from components.validate import queries
from components.validate.parts import Request
from components.validate.queries import Column, describe, quoted, relation
from components.validate.statistics import compute
from configs.loading import load
from configs.rows import SPLITS

CATEGORIES = tuple(load("flights").features.categorical)


def main(rows: Path | None = None, times: list[int] | None = None) -> None:
    """Measure and print."""
    for each in times or (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            repeated = _repeated(rows or newest("rows"), Path(folder), each)
            show({name: measure_apart(count, way, repeated) for name, way in WAYS.items()})


Way = Callable[[queries.Engine, Path, Path], int]


def count(way: Way, rows: Path) -> int:
    """Compute the statistics in one way; returns the rows that they are of."""
    with tempfile.TemporaryDirectory() as spill, queries.engine("1GB", 2, Path(spill)) as engine:
        return way(engine, rows, Path(spill))


def show(costs: dict[str, tuple[int, Cost]]) -> None:
    """Print the table and the ratios."""
    console = Console()
    console.print(cost_table("statistics", costs))
    (_, ours), (_, exact) = costs.values()
    ratios = {
        "seconds": ours.seconds / exact.seconds,
        "processor seconds": ours.processor / exact.processor,
        "peak memory": ours.peak / exact.peak,
    }
    console.print(", ".join(f"{ratio:.2f} of the {name}" for name, ratio in ratios.items()))


def _by_shards(engine: queries.Engine, rows: Path, scratch: Path) -> int:
    found = compute(engine, rows, Request(categories=CATEGORIES), scratch, silent)
    return sum(found.rows(split) for split in SPLITS)


def _in_queries(engine: queries.Engine, rows: Path, _: Path) -> int:
    """All exact aggregates of every column, a query a column."""
    total = 0
    for split in SPLITS:
        files = shards(rows, split)
        columns = describe(engine.connection, files, CATEGORIES)
        exact = functools.partial(_exact, engine, files)
        counted = parallel_map(exact, [*columns.values()], engine.queries_at_once)
        total += counted[0]
    return total


def _exact(engine: queries.Engine, files: Sequence[Path], column: Column) -> int:
    if column.as_category:
        sql = f"""SELECT sum(n), count(*), sum(length(v) * n), min({{minus: -n, value: v}}, 1000)
            FROM (SELECT {column.text} AS v, count(*) AS n FROM {relation(files)} GROUP BY ALL)"""  # noqa: S608 - quoted
    elif column.is_number:
        shares, edges = [i / 10 for i in range(11)], [i * 50.0 for i in range(20)]
        sql = f"""SELECT count(*), count(v), min(v), max(v), avg(v), stddev_pop(v), count_if(v = 0),
            quantile_cont(v, {shares}), histogram(v, {edges})
            FROM (SELECT CASE WHEN isfinite(x) AND abs(x) <= {FLOAT32_MAX!r} THEN x END AS v
                FROM (SELECT {column.number} AS x FROM {relation(files)}))"""  # noqa: S608 - quoted
    else:
        sql = f"SELECT count(*), count({quoted(column.name)}) FROM {relation(files)}"  # noqa: S608 - quoted
    with engine.relation(sql) as found:
        return int(found.fetchall()[0][0])


WAYS: dict[str, Way] = {
    "a few shards at a time, merged": _by_shards,
    "DuckDB, all shards in a query": _in_queries,
}


def _repeated(rows: Path, folder: Path, times: int) -> Path:
    """The same shards again and again, as links."""
    for split in SPLITS:
        files = shards(rows, split)
        for index in range(times * len(files)):
            shard_path(folder, split, index).symlink_to(files[index % len(files)].resolve())
    return folder


if __name__ == "__main__":
    typer.run(main)
