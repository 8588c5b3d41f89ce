"""Who works on this machine loads nothing of Google's."""

import subprocess
import sys

CODE = """
import sys
from components.ingest import core
from components.resolve import core
from components.shared.sources import open_source, samples
from components.shared.sources.duckdb import folder, source, warehouse
from configs.loading import load
load("flights"), load("flights", "dev")
try:
    open_source("duckdb://nowhere").tables()
except Exception as error:
    assert "SourceError" in type(error).__name__, error
heavy = ("google.cloud.", "google.api_core", "google.auth", "google.protobuf", "grpc", "gcsfs", "fsspec")
print(sorted(name for name in sys.modules if name.startswith(heavy)))
"""


def test_the_local_path_imports_nothing_of_googles() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
