"""What a call asks for."""

import json
from typing import Any

import pytest

from tests.contract.iam.calls import Call, Service
from tests.contract.iam.needs import Need, UnknownCallError, needs, table
from tests.contract.iam.statements import UnknownStatementError

P = "my-project-dev"
B = f"/storage/v1/b/{P}-pipeline"
JOBS = f"/bigquery/v2/projects/{P}/jobs"
V = f"/v1/projects/{P}/locations/us-central1"
ACCOUNT = f"worker@{P}.iam.gserviceaccount.com"


def requested(service: Service, verb: str, target: str, content: Any = None) -> set[tuple[str, str]]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode() if content else b""
    found = needs(Call("who", service, verb, target, body), f"{P}-pipeline")
    assert {need.who for need in found} <= {"who"}
    return {(need.where, need.permission) for need in found}


EXPORT = "EXPORT DATA OPTIONS (uri='gs://my-project-dev-pipeline/a-*') AS SELECT * FROM t.a"
MERGE = "MERGE d.a AS x USING t.b AS y ON FALSE WHEN NOT MATCHED THEN INSERT (k) VALUES (y.k)"
JOIN = "WITH a AS (SELECT * FROM b) SELECT * FROM a JOIN `p.other.c` USING (k)"


def query(sql: str) -> dict[str, Any]:
    content = {"query": sql, "defaultDataset": {"datasetId": "flights"}}
    return {"configuration": {"query": content}}


CALLS: dict[str, tuple[Service, str, str, Any, set[tuple[str, str]]]] = {
    "the bucket itself": ("storage", "GET", B, None, {("bucket/pipeline", "storage.buckets.get")}),
    "another's bucket": ("storage", "GET", "/storage/v1/b/x", None, {("bucket/x", "storage.buckets.get")}),
    "objects": ("storage", "GET", f"{B}/o?prefix=a", None, {("bucket/pipeline", "storage.objects.list")}),
    "an object": (
        "storage", "GET", f"/download{B}/o/a%2Fb", None, {("bucket/pipeline", "storage.objects.get")},
    ),
    "an object whose name is written out": (
        "storage", "GET", f"/download{B}/o/a/b?alt=media", None, {("bucket/pipeline", "storage.objects.get")},
    ),
    "an object by the XML API": (
        "storage", "GET", f"/{P}-pipeline/a/b", None, {("bucket/pipeline", "storage.objects.get")},
    ),
    "a batch": (
        "storage", "POST", "/batch/storage/v1",
        f"--x\nContent-Type: application/http\n\nDELETE {B}/o/a HTTP/1.1\n\n--x--".encode(),
        {("bucket/pipeline", "storage.objects.delete")},
    ),
    "a copy": (
        "storage", "POST", f"{B}/o/a/rewriteTo/b/{P}-pipeline/o/b", None,
        {("bucket/pipeline", f"storage.objects.{verb}") for verb in ("get", "create", "delete")},
    ),
    "a query": (
        "bigquery", "POST", JOBS, query(JOIN),
        {
            ("project", "bigquery.jobs.create"),
            ("dataset/flights", "bigquery.tables.getData"),
            ("dataset/other", "bigquery.tables.getData"),
        },
    ),
    "a table out of a query": (
        "bigquery", "POST", JOBS, query("CREATE TABLE t.a AS SELECT * FROM b"),
        {
            ("project", "bigquery.jobs.create"),
            ("dataset/t", "bigquery.tables.create"),
            ("dataset/flights", "bigquery.tables.getData"),
        },
    ),
    "an export": (
        "bigquery", "POST", JOBS, query(EXPORT),
        {
            ("project", "bigquery.jobs.create"),
            ("dataset/t", "bigquery.tables.getData"),
            ("dataset/t", "bigquery.tables.export"),
            ("bucket/pipeline", "storage.objects.create"),
            ("bucket/pipeline", "storage.objects.delete"),
        },
    ),
    "a merge": (
        "bigquery", "POST", JOBS,
        query(MERGE),
        {
            ("project", "bigquery.jobs.create"),
            ("dataset/t", "bigquery.tables.getData"),
            ("dataset/d", "bigquery.tables.getData"),
            ("dataset/d", "bigquery.tables.updateData"),
        },
    ),
    "a load": (
        "bigquery", "POST", JOBS,
        {"configuration": {"load": {"destinationTable": {"datasetId": "t"}, "sourceUris": [f"gs://{P}-pipeline/a"]}}},
        {
            ("project", "bigquery.jobs.create"),
            ("dataset/t", "bigquery.tables.create"),
            ("dataset/t", "bigquery.tables.updateData"),
            ("bucket/pipeline", "storage.buckets.get"),
            ("bucket/pipeline", "storage.objects.get"),
            ("bucket/pipeline", "storage.objects.list"),
        },
    ),
    "a run as an account": (
        "vertex", "POST", f"{V}/pipelineJobs?pipelineJobId=a", {"serviceAccount": ACCOUNT},
        {("project", "aiplatform.pipelineJobs.create"), ("account/worker", "iam.serviceAccounts.actAs")},
    ),
    "a server as an account": (
        "vertex", "POST", f"{V}/endpoints/1:deployModel", {"deployedModel": {"serviceAccount": ACCOUNT}},
        {("project", "aiplatform.endpoints.deploy"), ("account/worker", "iam.serviceAccounts.actAs")},
    ),
    "one's own operation": ("vertex", "GET", f"{V}/endpoints/1/operations/2", None, set()),
    "workers as an account": (
        "dataflow", "POST", f"/v1b3/projects/{P}/locations/us-central1/jobs",
        {"environment": {"serviceAccountEmail": ACCOUNT}},
        {("project", "dataflow.jobs.create"), ("account/worker", "iam.serviceAccounts.actAs")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_a_call_asks_for(case: str) -> None:
    service, verb, target, content, expected = CALLS[case]
    assert requested(service, verb, target, content) == expected


@pytest.mark.parametrize(
    ("service", "verb", "target"),
    [
        ("storage", "POST", B + "/iam"),
        ("bigquery", "DELETE", f"/bigquery/v2/projects/{P}/datasets/d"),
        ("vertex", "POST", f"{V}/customJobs"),
        ("vertex", "GET", "/v1/nothing"),
        ("dataflow", "DELETE", "/v1b3/x"),
    ],
)
def test_an_unknown_call_is_rejected(service: Service, verb: str, target: str) -> None:
    with pytest.raises(UnknownCallError, match=rf"who called {service}: {verb}"):
        requested(service, verb, target)


@pytest.mark.parametrize("sql", ["DROP TABLE a", "CALL p.d.f()"])
def test_an_unknown_statement_is_rejected(sql: str) -> None:
    with pytest.raises(UnknownStatementError, match="no permissions are known"):
        requested("bigquery", "POST", JOBS, query(sql))


def test_a_need_is_reported_in_a_line() -> None:
    assert str(Need("trainer", "bucket/pipeline", "storage.objects.get")) == (
        "trainer: storage.objects.get on bucket/pipeline"
    )
    assert table()["as_of"]
