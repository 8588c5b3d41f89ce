"""What every storage of places must do: the same tests for a folder of this machine and for a bucket."""

import pickle
from pathlib import Path

import pytest

from components.shared.files.artifacts import (
    copy_files,
    digest,
    read_json,
    shard_path,
    shards,
    write_json,
    writing,
    writing_file,
    writing_in_place,
)
from components.shared.files.paths import local_copy, map_places, place
from components.shared.files.place import Place, Storage, scheme
from components.shared.files.storage import storage
from configs.errors import PlaceError


@pytest.fixture(params=["file", "gs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty folder, or a bucket without objects."""
    found = place(str(tmp_path / "root" if request.param == "file" else request.getfixturevalue("bucket")))
    assert scheme(found) == request.param
    storage(found).make_folder(found)
    return found


@pytest.fixture
def there(root: Place) -> Storage:
    """The storage behind it."""
    return storage(root)


def put(where: Place, content: str) -> None:
    storage(where).make_folder(where.parent)
    with writing_file(where) as file:
        file.write_text(content)


def test_a_place_is_used_like_a_path(root: Place) -> None:
    where = root / "a" / "b.txt"
    put(where, "x")
    assert (where.name, where.suffix, where.parent.name) == ("b.txt", ".txt", "a")
    assert str(where.parent) == str(where).removesuffix("/b.txt")
    assert [each.name for each in where.parents[:1]] == ["a"]
    assert (where.exists(), (root / "none").exists()) == (True, False)
    assert (where.read_text(), where.read_bytes(), where.stat().st_size) == ("x", b"x", 1)
    with where.open("rb") as content:
        assert content.read() == b"x"
    assert place(str(where)) == where
    assert pickle.loads(pickle.dumps(where)) == where  # noqa: S301 - our own


def test_files_come_in_the_order_of_their_paths(root: Place, there: Storage) -> None:
    for name in ("b", "a/z", "a/b/c", "a.b"):
        put(root / name, name)
    assert there.files(root) == ["a/b/c", "a/z", "a.b", "b"]
    assert there.files(root / "a") == ["b/c", "z"]
    assert there.files(root / "none") == []


def test_a_folder_appears_whole_or_not_at_all(root: Place, there: Storage) -> None:
    out = root / "out"
    with writing(out) as folder:
        (folder / "train").mkdir()
        (folder / "train/part").write_text("old")
        assert there.files(out) == []
    with pytest.raises(RuntimeError, match="halfway"), writing(out) as folder:  # noqa: PT012
        (folder / "new").write_text("new")
        raise RuntimeError("halfway")
    assert there.files(out) == ["train/part"]
    with writing(out) as folder:
        (folder / "new").write_text("new")
    assert there.files(root) == ["out/new"]


def test_what_is_written_in_place_appears_whole_or_not_at_all(root: Place, there: Storage) -> None:
    with pytest.raises(RuntimeError, match="halfway"), writing_in_place(root / "out") as folder:  # noqa: PT012
        put(folder / "train/part", "x")
        raise RuntimeError("halfway")
    assert there.files(root) == []
    with writing_in_place(root / "out") as folder:
        put(folder / "train/part", "x")
        write_json(folder / "rows.json", {})
    assert there.files(root / "out") == ["rows.json", "train/part"]


def test_a_file_appears_whole_or_not_at_all(root: Place, there: Storage) -> None:
    write_json(root / "a.json", {"a": 1})
    with pytest.raises(RuntimeError, match="halfway"), writing_file(root / "a.json") as file:  # noqa: PT012
        file.write_text("half")
        raise RuntimeError("halfway")
    assert read_json(root / "a.json") == {"a": 1}
    assert there.read(root / "a.json") == b'{\n  "a": 1\n}\n'
    assert there.files(root) == ["a.json"]


def test_what_is_not_there_cannot_be_read(root: Place) -> None:
    with pytest.raises((FileNotFoundError, PlaceError)):
        read_json(root / "none.json")


def test_equal_content_has_an_equal_digest_wherever_it_lies(root: Place, tmp_path: Path) -> None:
    for folder in (root / "copy", tmp_path / "here"):
        put(folder / "a", "1")
        put(folder / "b/c", "2")
    assert digest(root / "copy") == digest(tmp_path / "here")
    assert digest(root / "copy/a") == digest(tmp_path / "here/a")
    put(root / "copy/b/c", "3")
    assert digest(root / "copy") != digest(tmp_path / "here")


def test_shards_come_in_order(root: Place) -> None:
    for index in (10, 2, 0):
        put(shard_path(root, "train", index), "x")
    put(root / "train/_SUCCESS", "")
    names = ["part-00000.parquet", "part-00002.parquet", "part-00010.parquet"]
    assert [each.name for each in shards(root, "train")] == names
    assert map_places(lambda shard: shard.name, shards(root, "train")) == names
    assert shards(root, "test") == []


def test_a_local_copy_has_what_lies_there(root: Place) -> None:
    put(root / "model/variables/v", "2")
    with local_copy(root / "model") as copy:
        assert (copy / "variables/v").read_text() == "2"
        assert copy.name == "model"
    assert (root / "model/variables/v").exists()


@pytest.mark.parametrize("other", ["file", "gs"])
def test_files_are_copied_from_and_to_every_storage(
    root: Place, there: Storage, other: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source = (
        place(str(tmp_path / "other" if other == "file" else request.getfixturevalue("bucket"))) / "source"
    )
    put(source / "score/a", "1")
    put(source / "said.json", "{}")
    put(source / "more", "not wanted")
    put(root / "copy/old", "old")
    copy_files(source, root / "copy", {"score/a": "a", "said.json": "deep/_said.json"})
    assert there.files(root / "copy") == ["a", "deep/_said.json"]
    assert there.read(root / "copy/a") == b"1"


def test_a_folder_is_cleared_once_and_again(root: Place, there: Storage) -> None:
    put(root / "a/b", "1")
    put(root / "ab", "2")
    there.clear(root / "a")
    there.clear(root / "a")
    assert there.files(root) == ["ab"]


def test_an_owned_file_is_replaced_by_its_writer(root: Place, there: Storage) -> None:
    file = there.owned(root / "deep/state")
    assert file.read() is None
    file.write(b"1")
    file.write(b"2")
    assert (file.read(), there.owned(root / "deep/state").read()) == (b"2", b"2")


def test_a_mirrored_folder_is_a_folder_of_this_machine(root: Place, there: Storage) -> None:
    mirror = there.mirrored(root / "events")
    mirror.pull()
    (mirror.path / "train").mkdir(parents=True)
    (mirror.path / "train/e").write_text("1")
    mirror.push()
    assert there.files(root / "events") == ["train/e"]
    again = there.mirrored(root / "events")
    again.pull()
    assert (again.path / "train/e").read_text() == "1"
    again.remove()
    assert there.files(root / "events") == []
    assert not again.path.exists()


def test_scratch_is_local_and_vanishes(root: Place, there: Storage) -> None:
    with there.scratch(root / "run/out") as folder:
        (folder / "spill").write_text("x")
    assert not folder.exists()
    assert there.files(root) == []
