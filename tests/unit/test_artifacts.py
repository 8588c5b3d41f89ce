"""Artifacts: written whole or not at all, and recognized by their content."""

from pathlib import Path

import pytest

from components.shared.files.artifacts import digest, read_json, shard_path, shards, write_json, writing


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RuntimeError, match="halfway"), writing(out) as beside:  # noqa: PT012 - the block must fail
        (beside / "part").write_text("x")
        assert not out.exists()
        raise RuntimeError("halfway")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_the_one_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("first", "second"):
        with writing(out) as beside:
            (beside / name).write_text("x")
    assert [path.name for path in out.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [out]


def test_json_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_shards_come_in_order(tmp_path: Path) -> None:
    for index in (10, 2, 0):
        shard_path(tmp_path, "train", index).touch()
    assert [path.name for path in shards(tmp_path, "train")] == [
        "part-00000.parquet",
        "part-00002.parquet",
        "part-00010.parquet",
    ]
    assert shards(tmp_path, "test") == []


def test_a_digest_sees_names_and_contents(tmp_path: Path) -> None:
    for folder, name, content in [("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(content)
    digests = {folder: digest(tmp_path / folder) for folder in "abcd"}
    assert digests["a"] == digests["b"]
    assert len(set(digests.values())) == 3
