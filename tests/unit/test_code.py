"""The digest of a stage's code: sees what the stage imports, and nothing else."""

from pathlib import Path

import pytest

from pipelines.graph import code_digest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {
        "requirements.lock": "a==1\n",
        "components/shared.py": "x = 1\n",
        "components/other.py": "y = 1\n",
        "components/train/core.py": "def f():\n    from components.train import model\n",
        "components/train/model.py": "from components.shared import x\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(code_digest, "ROOT", tmp_path)
    monkeypatch.setattr(code_digest, "_LOCK", tmp_path / "requirements.lock")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("components/train/core.py", True),
        ("components/train/model.py", True),
        ("components/shared.py", True),
        ("requirements.lock", True),
        ("components/other.py", False),
    ],
)
def test_a_change_is_seen_where_the_stage_imports_it(project: Path, path: str, seen: bool) -> None:
    before = code_digest.code_digest("train")
    with (project / path).open("a") as file:
        file.write("# changed\n")
    assert (code_digest.code_digest("train") != before) == seen
