"""Folders, files and digests on `gs://`: what holds for a folder of this machine holds there."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage as google_storage

from components.shared.files.artifacts import (
    digest,
    read_json,
    shard_path,
    shards,
    write_json,
    writing,
    writing_file,
    writing_in_place,
)
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.gcs.client import blob, client
from components.shared.files.gcs.writing import OwnedObject
from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import artifact_path, local_copy, place
from components.shared.files.place import Place, scheme
from configs.errors import BusyError, PlaceError


def filled(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def names(where: Place) -> list[str]:
    return list(gcs_reading.objects(str(where)))


def put(uri: str, content: str) -> None:
    """As somebody else would: without our marks."""
    blob(uri).upload_from_string(content)


def test_a_place_is_used_like_a_path(bucket: BucketPath) -> None:
    where = bucket / "a" / "b.txt"
    assert (str(where), where.name, str(where.parent)) == (f"{bucket}a/b.txt", "b.txt", f"{bucket}a")
    put(str(where), "x")
    assert where.exists()
    assert where.read_text() == "x"
    assert pickle.loads(pickle.dumps(where)) == where  # noqa: S301 - our own
    assert (scheme(where), scheme(place("file:///a"))) == ("gs", "file")
    assert place("file:///a/b") == place("/a/b") == Path("/a/b")


def test_an_artifact_lies_at_its_uri_only_where_that_is_gs() -> None:
    class Artifact:
        uri, path = "gs://b/rows", "/gcs/b/rows"

    assert str(artifact_path(Artifact())) == "gs://b/rows"
    Artifact.uri = Artifact.path = "/tmp/rows"  # noqa: S108 - nothing is written
    assert artifact_path(Artifact()) == Path("/tmp/rows")  # noqa: S108


@pytest.mark.usefixtures("bucket")
def test_equal_content_has_an_equal_digest_wherever_it_lies(bucket: BucketPath, tmp_path: Path) -> None:
    local = filled(tmp_path / "local", a="1", sub__b="2", sub__deep__c="3", marker__json="{}")
    with writing(bucket / "out") as folder:
        filled(folder, a="1", sub__b="2", sub__deep__c="3", marker__json="{}")
    assert digest(bucket / "out") == digest(local)
    write_json(bucket / "x.json", {"a": 1})
    write_json(tmp_path / "x.json", {"a": 1})
    assert digest(bucket / "x.json") == digest(tmp_path / "x.json")
    with writing(bucket / "out") as folder:
        filled(folder, a="1", sub__b="2", sub__deep__c="4", marker__json="{}")
    assert digest(bucket / "out") != digest(local)


def test_a_digest_of_our_objects_downloads_nothing(storage_server: Any, bucket: BucketPath) -> None:
    with writing(bucket / "out") as folder:
        filled(folder, a="1", b="2")
    storage_server.answered.clear()
    digest(bucket / "out")
    assert not [each.path for each in storage_server.answered if "alt=media" in each.path]


def test_foreign_objects_are_identified_by_their_checksums(bucket: BucketPath) -> None:
    for folder, content in (("a", "1"), ("b", "1"), ("c", "2")):
        put(f"{bucket}{folder}/x", content)
    digests = {folder: digest(bucket / folder) for folder in "abc"}
    assert digests["a"] == digests["b"] != digests["c"]


def test_a_folder_appears_with_its_json_last(storage_server: Any, bucket: BucketPath) -> None:
    with writing(bucket / "out") as folder:
        filled(folder, **{"rows.json": "{}", "a.parquet": "1", "z.parquet": "2", "train__x.json": "{}"})
        assert names(bucket / "out") == []
    uploads = [each for each in storage_server.answered if "/upload/" in each.path]
    assert len(uploads) == 4
    generation = {name: int(each.generation) for name, each in gcs_reading.objects(f"{bucket}out").items()}
    assert max(generation, key=generation.__getitem__) == "rows.json"


def test_nothing_is_uploaded_when_the_block_fails(bucket: BucketPath) -> None:
    with pytest.raises(RuntimeError, match="halfway"), writing(bucket / "out") as folder:  # noqa: PT012
        filled(folder, a="1")
        raise RuntimeError("halfway")
    with pytest.raises(RuntimeError, match="halfway"), writing_file(bucket / "file.txt") as file:  # noqa: PT012
        file.write_text("x")
        raise RuntimeError("halfway")
    assert names(bucket) == []


def test_what_an_earlier_attempt_left_goes_first(bucket: BucketPath) -> None:
    put(f"{bucket}out/train/part-00007.parquet", "old")
    put(f"{bucket}out-of-the-way/kept", "kept")
    with writing(bucket / "out") as folder:
        filled(folder, train__new="1")
    with writing_in_place(bucket / "out") as folder:
        assert names(bucket / "out") == [".writer"]
        write_json(folder / "a.json", {})
    assert names(bucket) == ["out/a.json", "out-of-the-way/kept"]


def test_what_is_written_in_place_goes_when_the_block_fails(bucket: BucketPath) -> None:
    with pytest.raises(RuntimeError, match="halfway"), writing_in_place(bucket / "out") as folder:  # noqa: PT012
        put(f"{folder}/train/part-00000.parquet", "x")
        raise RuntimeError("halfway")
    assert names(bucket) == []


def test_shards_come_in_order_and_need_no_folder(bucket: BucketPath) -> None:
    for index in (10, 2, 0):
        put(str(shard_path(bucket / "rows", "train", index)), "x")
    put(f"{bucket}rows/train/_SUCCESS", "")
    assert [path.name for path in shards(bucket / "rows", "train")] == [
        "part-00000.parquet",
        "part-00002.parquet",
        "part-00010.parquet",
    ]
    assert shards(bucket / "rows", "test") == []


def test_a_local_copy_holds_what_lies_there_and_vanishes(bucket: BucketPath, tmp_path: Path) -> None:
    with writing(bucket / "model") as folder:
        filled(folder, a="1", variables__v="2")
    with local_copy(bucket / "model") as copy:
        assert digest(copy) == digest(bucket / "model")
        assert copy.name == "model"
    assert not copy.exists()
    with local_copy(tmp_path) as copy:
        assert copy == tmp_path


def test_an_upload_and_a_download_survive_unavailability(storage_server: Any, bucket: BucketPath) -> None:
    storage_server.fail("POST", "/upload/", 503)
    storage_server.fail("GET", "alt=media", 503)
    storage_server.fail("GET", r"/o\?", 429)
    with writing(bucket / "out") as folder:
        filled(folder, a="1")
    with local_copy(bucket / "out") as copy:
        assert (copy / "a").read_text() == "1"
    assert [each.times for each in storage_server.faults] == [0, 0, 0]


def test_an_upload_whose_answer_was_lost_is_no_conflict(storage_server: Any, bucket: BucketPath) -> None:
    storage_server.fail("POST", "/upload/", 503, done_first=True)
    with writing(bucket / "out") as folder:
        filled(folder, a="1")
    assert names(bucket / "out") == ["a"]
    held = OwnedObject(f"{bucket}held")
    storage_server.fail("POST", "/upload/", 503, done_first=True)
    held.write(b"1")
    held.write(b"2")
    assert gcs_reading.read(f"{bucket}held") == b"2"


def test_of_two_that_publish_at_once_one_is_reported(
    bucket: BucketPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = filled(tmp_path / "other", a="other", sub__b="other", **{"marker.json": "{}"})
    send = gcs_writing._send

    def interrupted(folder: Path, which: Any, uri: str, writer: str) -> None:
        send(folder, which, uri, writer)
        monkeypatch.setattr(gcs_writing, "_send", send)
        gcs_writing.publish(other, uri)  # after our files, before our marker

    monkeypatch.setattr(gcs_writing, "_send", interrupted)
    with pytest.raises(BusyError, match="only writer"), writing(bucket / "out") as folder:
        filled(folder, a="ours", sub__b="ours", **{"marker.json": "{}"})
    assert digest(bucket / "out") == digest(other)


def test_one_that_publishes_where_another_just_began_takes_its_marker_back(
    bucket: BucketPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = filled(tmp_path / "ours", a="ours", **{"marker.json": "{}"})
    send = gcs_writing._send

    def interrupted(folder: Path, which: Any, uri: str, writer: str) -> None:
        if which == ["marker.json"]:
            gcs_writing.clear(uri)
            put(f"{uri}/a", "another one's")
        send(folder, which, uri, writer)

    monkeypatch.setattr(gcs_writing, "_send", interrupted)
    with pytest.raises(BusyError, match="only writer"):
        gcs_writing.publish(folder, f"{bucket}out")
    assert names(bucket / "out") == ["a"]


def test_of_two_that_write_in_place_at_once_the_first_is_reported(bucket: BucketPath) -> None:
    out = bucket / "out"
    with (
        pytest.raises(BusyError, match="only writer"),
        writing_in_place(out),
        writing_in_place(out) as folder,
    ):
        write_json(folder / "a.json", {"by": "the second"})
    assert read_json(bucket / "out" / "a.json") == {"by": "the second"}


def test_of_two_writers_of_one_object_the_late_one_is_reported(bucket: BucketPath) -> None:
    first, second = OwnedObject(f"{bucket}checkpoint"), OwnedObject(f"{bucket}checkpoint")
    assert first.read() is None
    assert second.read() is None
    first.write(b"1")
    with pytest.raises(BusyError, match="only writer"):
        second.write(b"2")
    first.write(b"3")
    assert second.read() == b"3"
    second.write(b"4")
    with pytest.raises(BusyError, match=r"gs://.*/checkpoint"):
        first.write(b"5")


@pytest.mark.usefixtures("storage_server")
def test_a_missing_bucket_says_how_to_make_it() -> None:
    where = place("gs://no-such-bucket/rows")
    for attempt in (
        lambda: shards(where, "train"),
        lambda: read_json(where / "rows.json"),
        lambda: digest(where),
        lambda: write_json(where / "rows.json", {}),
        lambda: local_copy(where).__enter__(),
        lambda: writing(where).__enter__(),
        lambda: writing_in_place(where).__enter__(),
    ):
        with pytest.raises(PlaceError, match="gcloud storage buckets create gs://no-such-bucket ") as raised:
            attempt()
        assert "\n" not in str(raised.value)


def test_an_object_that_vanishes_is_named(storage_server: Any, bucket: BucketPath) -> None:
    with pytest.raises(PlaceError, match=r"gs://.*/rows\.json: expected an object, got none"):
        read_json(bucket / "rows.json")
    with writing(bucket / "out") as folder:
        filled(folder, a="1", b="2")
    storage_server.fail("GET", "out/b.*alt=media", 404)
    with pytest.raises(PlaceError, match=r"out/b: expected an object, got none"), local_copy(bucket / "out"):
        pass


def test_a_closed_bucket_says_how_to_open_it(storage_server: Any, bucket: BucketPath) -> None:
    storage_server.fail("GET", r"/o\?", 403)
    with pytest.raises(PlaceError, match="add-iam-policy-binding"):
        shards(bucket, "train")


def test_damage_on_the_way_is_noticed(storage_server: Any, bucket: BucketPath) -> None:
    with writing(bucket / "out") as folder:
        filled(folder, a="1")
    name = str(bucket).removeprefix("gs://").rstrip("/")
    storage_server.storage._store.write_bytes(f"{name}/out/a", b"2")
    with pytest.raises(PlaceError, match="fits its checksum"), local_copy(bucket / "out"):
        pass


def test_nothing_of_googles_is_imported_without_a_gs_place(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from components.shared.files import artifacts, paths
from components.shared.stage import recording
folder = Path(sys.argv[1])
with artifacts.writing(paths.place(f"file://{folder}/out")) as out:
    artifacts.write_json(out / "a.json", {})
artifacts.digest(folder / "out"), artifacts.shards(folder, "train")
with paths.local_copy(folder) as copy: pass
print(sorted({"upath", "fsspec", "gcsfs", "google.cloud.storage", "google.auth"} & set(sys.modules)))
"""
    message = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.cwd(),
    )
    assert message.stdout.strip() == "[]"


def test_the_clients_are_the_unmodified_ones(bucket: BucketPath) -> None:
    assert isinstance(client(), google_storage.Client)
    assert type(bucket.fs).__module__ == "gcsfs.core"
    assert os.environ["STORAGE_EMULATOR_HOST"].startswith("http://127.0.0.1:")
