"""What DuckDB says when a machine is too small, in our words."""

import duckdb
import pytest

from components.shared.sources.duckdb.errors import translate_duckdb_error
from configs.errors import NoSpaceError, PipelineError, SourceError


@pytest.mark.parametrize(
    ("error", "kind", "remedy"),
    [
        (
            duckdb.IOException("IO Error: Could not write all bytes: No space left on device"),
            NoSpaceError,
            "TMPDIR",
        ),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: failed to pin"),
            SourceError,
            "ingest.memory_limit",
        ),
        (duckdb.Error("Some Error: something else"), SourceError, "something else"),
    ],
)
def test_the_remedy_is_named(error: duckdb.Error, kind: type[PipelineError], remedy: str) -> None:
    said = translate_duckdb_error(error, None)
    assert isinstance(said, kind)
    assert remedy in str(said)
