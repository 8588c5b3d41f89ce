"""Everything at once: one run in `dev`, with every service of Google Cloud that it uses; the same run here.

The commands are those that a person types, each a process of its own. There BigQuery is the source, every
artifact lies in a bucket, transform, evaluate and predict are jobs on Dataflow, training is a custom job, and
the version is registered, tried and served on Vertex AI: each of them a server on loopback, asked by Google's
own clients. Here the same days of flights come from DuckDB, Beam works in the stage, and a folder has it all.
"""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from components.deploy import server
from components.shared.files.artifacts import read_json, shards
from components.shared.files.place import Place
from components.shared.gcp.endpoints import VARIABLES
from components.shared.gcp.vertex_client import Region
from components.shared.rows.parquet import open_parquet
from configs.deployment import Serving
from configs.loading import load
from configs.rows import SPLITS, Part
from pipelines.graph.definitions import of
from tests.contract.agreeing import close, rows
from tests.contract.storage.server import Answered
from tests.contract.whole_cloud.conftest import PIPELINES, TABLE, Both
from tests.contract.whole_cloud.servers import BUCKET, CONTAINERS, PROJECT, SCANNED, WORKERS

pytest.importorskip("google.cloud.aiplatform")
pytestmark = pytest.mark.timeout(1200)
"""The first test waits for both runs: two minutes and a half on two cores that have nothing else to do."""

LABELS = {"use_case": "flights", "environment": "dev"}
_SERVED_ROWS = 50


# --- the same on both -----------------------------------------------------------------------------


def test_every_stage_ends_well_and_shows_the_same(both: Both) -> None:
    for target in (both.here, both.there):
        assert "passed: the candidate may serve" in target.trained.shown
        assert "version 1 100 %" in target.trained.shown
        for pipeline in PIPELINES:
            states = {record["stage"]: record["state"] for record in target.manifest(pipeline)["stages"]}
            assert states == dict.fromkeys(of(pipeline).order, "done")
    here, there = (
        re.findall(r"<h[12].*?</h[12]>", target.workspace.report("training"))
        for target in (both.here, both.there)
    )
    assert here == there
    assert len(there) > 8


def test_the_rows_are_the_same_in_the_same_order(both: Both) -> None:
    """To twelve digits, which sums in another order leave; up to `ingest.shard_rows` a split is one shard."""
    here, there = both.artifacts("rows")
    assert read_json(there / "rows.json") == read_json(here / "rows.json")
    for split in SPLITS:
        expected, found = rows(here, split), rows(there, split)
        assert len(found) > 1000
        assert found == close(expected, rel=1e-12, abs=1e-12, nan_ok=True)


def test_the_examples_are_the_same(both: Both) -> None:
    """To the six digits of a float32, in the same order: what is learned in one order is learned alike."""
    here, there = both.artifacts("examples")
    assert read_json(there / "examples.json") == read_json(here / "examples.json")
    for split in ("train", "eval"):
        expected, found = contents(here, split), contents(there, split)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert found[name] == pytest.approx(values, rel=1e-6, abs=1e-6), name


def test_the_metrics_and_the_verdict_are_the_same(both: Both) -> None:
    """Of two models that were trained apart: same seeds, same examples, and threads that add up alike.

    Both runs on one machine were equal bit for bit; six digits leave room for features that differ in their
    last one.
    """
    here, there = both.artifacts("evaluation")
    for name in ("metrics.json", "curves.json", "golden.json", "verdict.json"):
        assert read_json(there / name) == close(read_json(here / name), rel=1e-6, abs=1e-6, nan_ok=True), name
    assert read_json(there / "verdict.json")["decision"] == "deploy"
    assert read_json(there / "metrics.json")["candidate"]["overall"]["auc"] > 0.6


def test_the_served_numbers_are_the_same(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over Vertex AI's protocol from the deployed container there, over HTTP from the server here."""
    request = instances(both)
    monkeypatch.setenv(VARIABLES["aiplatform"], both.cloud.vertex.url)
    region = Region(PROJECT, "us-central1")
    endpoint = f"{region.parent}/endpoints/flights"
    there = list(region.predictions().predict(endpoint=endpoint, instances=request).predictions)
    with server.started(Path(str(both.here.artifact("model"))), Serving(), 60.0) as client:
        here = client.post("/predict", json={"instances": request}).json()["predictions"]
    assert there == pytest.approx(here, abs=1e-5)
    delivered = stored(both)
    keys = [row["flight_id"] for row in rows(both.there.artifact("rows", "prediction"), "score")]
    assert there == pytest.approx([delivered[key]["score"] for key in keys[:_SERVED_ROWS]], abs=1e-5)


def test_the_delivered_scores_are_the_same(both: Both) -> None:
    found = stored(both)
    expected = {
        row["flight_id"]: row for row in rows(both.here.artifact("predictions", "prediction"), "score")
    }
    assert len(found) == len(expected) > 1000
    for key, row in found.items():
        assert row["score"] == pytest.approx(expected[key]["score"], abs=1e-5)
        assert row["decided_at"] == expected[key]["decided_at"]
    run_id = both.there.manifest("prediction")["run_id"]
    assert {(row["model_version"], row["run_id"]) for row in found.values()} == {("1", run_id)}


# --- what was there alone -------------------------------------------------------------------------


def test_every_artifact_lies_in_the_bucket(both: Both) -> None:
    for pipeline in PIPELINES:
        manifest = both.there.manifest(pipeline)
        outputs = [output for record in manifest["stages"] for output in record["outputs"].values()]
        root = f"gs://{BUCKET}/runs/flights/1234/{manifest['run_id']}/"
        assert len(outputs) >= len(of(pipeline).order) - 1
        assert all(str(output.get("uri", output["path"])).startswith(root) for output in outputs)
    kept = {blob.name.split("/")[0] for blob in both.cloud.blobs()}
    assert kept == {"runs", "registry", "dataflow"}
    assert not [
        blob.name for blob in both.cloud.blobs() if blob.name.startswith("dataflow/temp/") and blob.size
    ]


def test_each_part_runs_as_its_own_account(both: Both) -> None:
    cloud, domain = both.cloud, f"{PROJECT}.iam.gserviceaccount.com"
    assert [job.service_account for job in cloud.of_kind("PipelineJob")] == [f"pipeline@{domain}"] * 2
    (training,) = cloud.of_kind("CustomJob")
    assert training.job_spec.service_account == f"trainer@{domain}"
    (endpoint,) = cloud.of_kind("Endpoint")
    (deployed,) = endpoint.deployed_models
    assert deployed.service_account == f"serving@{domain}"
    assert dict(endpoint.traffic_split) == {deployed.id: 100}
    workers = [job.message.environment.service_account_email for job in cloud.dataflow.jobs.values()]
    assert workers == [f"dataflow-worker@{domain}"] * 4


def test_everything_that_costs_is_labelled(both: Both) -> None:
    cloud = both.cloud
    for kind in ("PipelineJob", "CustomJob", "Model", "Endpoint"):
        for resource in cloud.of_kind(kind):
            assert dict(resource.labels).items() >= LABELS.items(), kind
    jobs = [dict(job.message.labels) for job in cloud.dataflow.jobs.values()]
    trained, predicted = (both.there.manifest(pipeline)["run_id"] for pipeline in PIPELINES)
    assert jobs == [
        {**LABELS, "stage": stage, "run": run}
        for stage, run in (
            ("transform", trained), ("transform", trained), ("evaluate", trained), ("predict", predicted)
        )
    ]  # fmt: skip
    queries = [request.job["labels"] for request in cloud.bigquery.jobs()]
    assert all(labels.items() >= LABELS.items() for labels in queries)
    assert {labels["stage"] for labels in queries} == {"resolve", "ingest", "choose", "select", "deliver"}
    made = [
        request.body for request in cloud.bigquery.requests if request.method == "POST" and not request.job
    ]
    assert len(made) == 3  # the temporary dataset, that of the predictions, and their table
    assert all(each["labels"].items() >= LABELS.items() for each in made)


def test_the_manifest_leads_to_all_that_it_cost(both: Both) -> None:
    asks = {"training": "ingest", "prediction": "select"}
    for pipeline, jobs in zip(PIPELINES, (3, 1), strict=True):
        manifest = both.there.manifest(pipeline)
        assert manifest["labels"] == LABELS
        assert both.there.summary(asks[pipeline], pipeline)["scanned_bytes"] == SCANNED
        names = [name.partition(" 20")[0] for name in manifest["links"]]
        assert names.count("Dataflow job") == jobs
        assert all(
            link.startswith("https://console.cloud.google.com/") for link in manifest["links"].values()
        )
    assert both.there.manifest()["links"].keys() >= {
        "pipeline job", "custom job", "model version", "endpoint", "experiment"
    }  # fmt: skip


def test_what_a_run_needs_is_looked_at_before_it_is_submitted(both: Both) -> None:
    """The preflight's decisive part, once for each command; the plan's dry run comes before the run's own."""
    bucket = f"GET storage.googleapis.com/storage/v1/b/{BUCKET}"
    assert both.cloud.control.requests.count(bucket) == 2
    first = both.cloud.bigquery.jobs()[0]
    assert (first.job["dryRun"], first.job["labels"]["stage"]) == (True, "ingest")
    limits = {each.job["query"]["maximumBytesBilled"] for each in both.cloud.bigquery.jobs() if each.sql}
    assert limits == {str(10 * 2**30)}


def test_workers_write_the_graph_by_tensorflows_own_file_system(both: Both) -> None:
    """TensorFlow's requests come through a proxy of the workers' own, and are the only ones that do."""
    theirs = _by_tensorflow(both, WORKERS)
    written = [each for each in theirs if each.method in ("POST", "PUT") and "saved_model.pb" in each.path]
    assert written
    assert all(re.search(r"name=dataflow%2Ftemp%2F|/o/dataflow%2Ftemp%2F", each.path) for each in written)


def test_the_stages_look_at_the_bucket_itself(both: Both) -> None:
    """`storage.buckets.get`, which the preflight looks for: TensorFlow makes the first folder."""
    request = {(each.method, each.path, each.status) for each in _by_tensorflow(both, CONTAINERS)}
    assert ("GET", f"/storage/v1/b/{BUCKET}", 200) in request


def _by_tensorflow(both: Both, who: str) -> list[Answered]:
    found = [each for each in both.cloud.storage.answered if each.via == f"1.1 {who}"]
    assert {each.agent for each in found} == {"TSL"}
    return found


# --- reading --------------------------------------------------------------------------------------


def contents(folder: Place, split: Part) -> dict[str, Any]:
    """The values of each column of the examples, flat."""
    found: dict[str, list[Any]] = {}
    for shard in shards(folder, split):
        with open_parquet(shard) as file:
            table = file.read()
        for name in table.column_names:
            column = table[name].combine_chunks()
            flat = column.flatten() if hasattr(column, "flatten") else column
            found.setdefault(name, []).extend(flat.to_numpy(zero_copy_only=False))
    return found


def stored(both: Both) -> dict[str, dict[str, Any]]:
    """The delivered predictions by their key."""
    client = both.cloud.bigquery.client
    return {row["flight_id"]: dict(row) for row in client.list_rows(TABLE)}


def instances(both: Both) -> list[dict[str, Any]]:
    """The first rows to score, as JSON has them."""
    features = load("flights").features.columns
    selected = rows(both.there.artifact("rows", "prediction"), "score")[:_SERVED_ROWS]
    return [{name: plain(row[name]) for name in features} for row in selected]


def plain(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
