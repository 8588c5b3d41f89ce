"""The trigger's source as a ZIP file, for Terraform: the same bytes for the same source, wherever it is made.

    python infra/trigger/package.py        # output/trigger.zip, in a moment; `make up` runs it by itself

Terraform names the uploaded object by its hash: a new source is deployed, the same one changes nothing.
"""

import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("main.py", "requirements.txt")
ARCHIVE = HERE.parents[1] / "output" / "trigger.zip"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The first instant that ZIP knows; the files' own would make each checkout another archive."""
_PLAIN_FILE = 0o100644 << 16


def package(archive: Path = ARCHIVE, sources: Iterable[str] = SOURCES) -> Path:
    """Write the archive.

    Raises:
        FileNotFoundError: A source is missing.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".part")
    with zipfile.ZipFile(partial, "w") as opened:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = _PLAIN_FILE
            opened.writestr(entry, (HERE / name).read_bytes())  # stored: compressors differ between versions
    return partial.replace(archive)


if __name__ == "__main__":
    sys.stdout.write(f"{package()}\n")
