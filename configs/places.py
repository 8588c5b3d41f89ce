"""Where things lie, and by what Beam runs."""

from configs.section import Section

CLOUD_RUNS = "output"
"""Where runs on Google Cloud are recorded on this machine."""


class Beam(Section):
    """Any Beam pipeline option, as on Beam's own command line."""

    options: tuple[str, ...] = ("--runner=FnApiRunner",)
    """The runner in this process; another needs its own (`--runner=DataflowRunner`, `--project=…`, …)."""


class Places(Section):
    """Where things lie. Relative paths are relative to the working folder."""

    warehouse: str = "duckdb://output/warehouse.duckdb"
    root: str = "output"
    registry: str = "file://output/registry"
