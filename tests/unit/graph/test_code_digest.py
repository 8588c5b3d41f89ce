"""The digest of a stage's code: sees what can change its result, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from configs.stages import every_stage
from pipelines.graph import code_digest

STAGES = tuple(spec.name for spec in every_stage() if not spec.last)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The product's own code, to be changed."""
    for folder in ("components", "configs"):
        shutil.copytree(
            code_digest.ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(code_digest.ROOT / "requirements.lock", tmp_path)
    monkeypatch.setattr(code_digest, "ROOT", tmp_path)
    monkeypatch.setattr(code_digest, "_LOCK", tmp_path / "requirements.lock")
    return tmp_path


@pytest.fixture
def changed_by(tree: Path) -> Callable[..., list[str]]:
    """The stages whose digest is another one after a change of a file."""

    def stages(path: str, edit: Callable[[str], str], *schemes: str) -> list[str]:
        before = {stage: code_digest.code_digest(stage, schemes) for stage in STAGES}
        text = (tree / path).read_text()
        assert edit(text) != text
        (tree / path).write_text(edit(text))
        after = {stage: code_digest.code_digest(stage, schemes) for stage in STAGES}
        (tree / path).write_text(text)
        return [stage for stage in STAGES if before[stage] != after[stage]]

    return stages


def with_line(line: str) -> Callable[[str], str]:
    return lambda text: f"{text}\n{line}\n"


ChangedBy = Callable[..., list[str]]


def test_a_change_is_seen_where_the_stage_imports_it(changed_by: ChangedBy) -> None:
    line = with_line("ANOTHER = 1")
    assert changed_by("components/train/models.py", line) == ["train"]
    assert changed_by("components/validate/core.py", line) == ["validate"]
    assert set(changed_by("components/shared/rows/raw.py", line)) >= {"evaluate", "select", "predict"}
    assert changed_by("components/serve/app.py", line) == []
    assert changed_by("requirements.lock", with_line("another==1")) == list(STAGES)


def test_a_module_that_only_the_component_calls_is_seen(changed_by: ChangedBy) -> None:
    assert changed_by("components/train/cluster.py", with_line("ANOTHER = 1")) == ["train"]


def test_behaviour_in_the_settings_is_seen_by_the_stages_that_import_it(changed_by: ChangedBy) -> None:
    """The name of a missing indicator is made in configs/features.py."""
    renamed = changed_by("configs/features.py", lambda text: text.replace("_missing", "_absent"))
    assert {"validate", "transform"} <= set(renamed)
    assert "deploy" not in renamed


def test_a_knob_of_one_stage_leaves_the_code_of_the_others(changed_by: ChangedBy) -> None:
    line = with_line("class Another(Section):\n    knob: int = 1")
    assert changed_by("configs/training.py", line) == ["train"]
    assert changed_by("configs/settings.py", line) == []
    cached = {spec.name for spec in every_stage() if spec.cached}
    assert not cached & set(changed_by("configs/cloud.py", line))
    assert not cached & set(changed_by("configs/stages.py", with_line("ANOTHER = 1"), "duckdb"))


@pytest.mark.parametrize(
    "path", ["components/train/core.py", "components/shared/rows/raw.py", "configs/features.py"]
)
def test_comments_docstrings_and_layout_change_no_digest(changed_by: ChangedBy, path: str) -> None:
    assert changed_by(path, with_line("# a comment")) == []
    assert changed_by(path, with_line('"""A docstring of the line above."""')) == []
    assert changed_by(path, lambda text: text.replace('"""', '"""Another word. ', 1)) == []
    assert changed_by(path, lambda text: text.replace("\n\n", "\n\n\n")) == []


def test_an_adapter_is_seen_where_the_settings_name_its_scheme(changed_by: ChangedBy) -> None:
    line, bigquery = with_line("ANOTHER = 1"), "components/shared/sources/bigquery/rows.py"
    assert changed_by(bigquery, line, "duckdb") == []
    assert set(changed_by(bigquery, line, "bq")) == {"resolve", "ingest", "choose", "select", "deliver"}
    duckdb = "components/shared/sources/duckdb/warehouse.py"
    assert set(changed_by(duckdb, line, "duckdb")) >= {"resolve", "ingest", "choose", "select"}
    assert changed_by(duckdb, line, "bq") == []
    vertex, folder = (f"components/shared/registry/{name}.py" for name in ("vertex/registry", "folder"))
    assert changed_by(vertex, line, "file") == changed_by(folder, line, "vertex") == []
    assert set(changed_by(vertex, line, "vertex")) == {"resolve", "deploy", "choose"}
    assert set(changed_by(folder, line, "file")) == {"resolve", "deploy", "choose"}


def test_a_new_adapter_leaves_the_digests_of_the_others(changed_by: ChangedBy) -> None:
    branch = 'if place and scheme == "bq":'
    another = 'if scheme == "other":\n        from components.serve import app\n\n        return app\n    '
    path = "components/shared/sources/__init__.py"
    assert changed_by(path, lambda text: text.replace(branch, another + branch), "duckdb") == []


def test_what_records_a_stage_is_no_part_of_it(changed_by: ChangedBy) -> None:
    assert changed_by("components/shared/stage/recording.py", with_line("ANOTHER = 1")) == []
