"""What the command `seed` does: sample data into a warehouse."""

from pathlib import Path

from configs.access import bigquery_access
from configs.errors import SettingsError
from configs.settings import Settings
from pipelines import view


def seed_once(settings: Settings) -> None:
    """Load the sample data into a warehouse of this machine that is not there yet."""
    uri = settings.source.uri or settings.places.warehouse
    missing = uri.startswith("duckdb://") and not Path(uri.removeprefix("duckdb://")).exists()
    if settings.source.sample and missing:
        seed(settings)


def seed(settings: Settings) -> None:
    """Load the sample data of a use case into its warehouse."""
    from components.shared.sources.samples import seed as load

    if not settings.source.sample:
        raise SettingsError(
            f"use case '{settings.name}'",
            expected="source.sample, the name of public data",
            got="none: its data are its own",
        )
    uri = settings.source.uri or settings.places.warehouse
    console = view.open_console()
    with console.status(f"loading {settings.source.sample} into {uri} …"):
        counts = load(uri, access=bigquery_access(settings, "seed"))
    console.print(f"loaded {settings.source.sample} into {uri}: {view.facts(counts)}\n")
