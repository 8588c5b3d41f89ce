"""The report of a prediction run: who scored, where every row went, the scores, where they are."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.report.geometry import Chart
from components.report.reading import Run
from components.report.running import next_commands
from components.report.scored import Scores, look, scores
from components.shared.gcp import links
from tests.unit.report.conftest import Sample
from tests.unit.report.test_report_page import Parsed

SECTIONS = ("version", "rows", "score", "delivery", "timings", "lineage", "next")
ROWS, REJECTED = 6064, {"flight_id is missing": 2, "tailnum is longer than 1,000 bytes": 1}
COMMAND = "python -m pipelines predict-batch flights"
STAGES = ("choose", "select", "predict", "deliver")


class Scoring(Sample):
    """A prediction run under construction."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.manifest |= {"pipeline": "prediction", "command": COMMAND}
        self.manifest["parameters"] = {"run_id": folder.name, "version": "", "scored_at": "2026-11-03"}
        self.manifest["settings"] = self.manifest["settings"] | {
            "prediction": {"query": "prediction.sql", "sql": "SELECT * FROM examples"}
        }
        self.counts = np.bincount((self.random.beta(2, 5, ROWS - 3) * 100).astype(int), minlength=100)
        self.output = f"output/predictions/flights/{folder.name}"

    def choose(self) -> None:
        """The champion."""
        content = {
            "source": "ab12" * 8, "version": "3", "model": "output/registry/flights/versions/3/model",
            "features": '{"numeric": ["distance", "temp"], "categorical": ["carrier"]}',
            "run_id": self.folder.name, "scored_at": "2026-11-03T14:00:00+00:00", "name": "flights",
            "status": "champion", "created_at": "2026-11-01T09:30:00+00:00", "resources": [],
            "trained_by": "flights-20261101-090000-aa11",
        }  # fmt: skip
        self.json("choice", "choice.json", content)
        self.ran("choose", 1.1, {"version": "3", "source": "ab12" * 8})

    def select(self, **summary: Any) -> None:
        """The rows to score."""
        columns = {"flight_id": "string", "distance": "int64", "carrier": "string"}
        self.json("rows", "rows.json", {"rows": ROWS, "shards": 1, "repeated_keys": 4, "columns": columns})
        self.ran("select", 6.8, {"rows": ROWS, "columns": 3, **summary})

    def predict(self, **changes: Any) -> None:
        """The predictions of all but three rows."""
        positives = int(self.counts[35:].sum())
        content = {
            "run_id": self.folder.name, "model_version": "3", "threshold": 0.35, "rows": ROWS,
            "predictions": ROWS - 3, "positives": positives, "rejected": REJECTED,
            "scores": {"counts": self.counts.tolist(), "mean": 0.2857, "min": 0.0021, "max": 0.9114},
            "missing": {"temp": 1200}, "unseen": {"carrier": 9},
        }  # fmt: skip
        self.json("predictions", "predictions.json", content | changes)
        self.ran("predict", 9.8, {"rows": ROWS, "predictions": ROWS - 3})

    def deliver(self) -> None:
        """A folder of their own."""
        self.json(
            "delivery", "delivery.json",
            {"output": self.output, "run_id": self.folder.name, "predictions": ROWS - 3},
        )  # fmt: skip
        self.ran("deliver", 0.5, {"rows": ROWS - 3, "output": self.output})

    def whole(self, *stages: str) -> "Scoring":
        """These stages, or all."""
        for stage in stages or STAGES:
            getattr(self, stage)()
        return self


@pytest.fixture
def scoring(tmp_path: Path) -> Scoring:
    """An empty prediction run."""
    folder = tmp_path / "output" / "runs" / "flights-prediction-20261103-140000-ab12"
    (folder / "stages").mkdir(parents=True)
    return Scoring(folder)


@pytest.fixture
def text(scoring: Scoring) -> Callable[..., str]:
    """What is read on the page of these stages."""
    return lambda *stages: Parsed(scoring.whole(*stages).write()).text


def test_it_has_its_own_sections_and_those_of_every_run(scoring: Scoring) -> None:
    html = scoring.whole().write()
    page = Parsed(html)
    assert [attributes["id"] for tag, attributes in page.elements if tag == "section"] == list(SECTIONS)
    assert [f"#{slug}" for slug in SECTIONS] == [h for h in page.having("href") if h.startswith("#")]
    assert not re.search(r"https?://|@import|url\(", html)
    ids = page.having("id")
    assert len(set(ids)) == len(ids)
    assert "Verdict" not in page.text
    assert "batch prediction" in page.text


def test_who_scored_and_how_many_is_said_first(text: Callable[..., str]) -> None:
    said = text()
    assert "6,061 rows scored By version 3. 3 rows were rejected." in said
    assert said.index("6,061 rows scored") < said.index("The version that scored")
    assert "Requested: the champion." in said
    assert "trained by flights-20261101-090000-aa11" in said
    assert "stamped 2026-11-03 14:00 UTC" in said
    assert "distance, temp, carrier" in said


def test_a_version_that_was_named_is_said(scoring: Scoring) -> None:
    scoring.manifest["parameters"]["version"] = "challenger"
    assert "Requested: challenger." in Parsed(scoring.whole().write()).text


def test_every_row_is_accounted_for_with_its_reason(text: Callable[..., str]) -> None:
    said = text()
    assert "✓ 6,061 predictions + 3 rejected = 6,064 selected rows" in said
    assert "flight_id is missing 2" in said
    assert said.index("flight_id is missing") < said.index("tailnum is longer than 1,000 bytes")
    assert "4 of the rows repeat a key" in said
    assert "temp 1,200 19.8 % 0 0.0 %" in said
    assert "carrier 0 0.0 % 9 0.1 %" in said


def test_rows_that_do_not_add_up_are_marked(scoring: Scoring) -> None:
    scoring.whole("choose", "select")
    scoring.predict(rejected={"flight_id is missing": 2})
    assert "✗ 6,061 predictions + 2 rejected ≠ 6,064 selected rows" in Parsed(scoring.write()).text


@pytest.mark.parametrize(
    ("summary", "cached", "said"),
    [
        ({"scanned_bytes": 3 * 2**30}, False, "3.0 GiB scanned (by BigQuery)"),
        ({"scanned_bytes": 3 * 2**30}, True, "0 B scanned (rows from the cache)"),
        ({}, False, "0 B scanned (not from BigQuery)"),
    ],
)
def test_the_bytes_that_were_scanned_are_shown(
    scoring: Scoring, summary: dict[str, int], cached: bool, said: str
) -> None:
    scoring.choose()
    scoring.select(**summary)
    scoring.manifest["stages"][-1]["cached"] = cached
    assert f"6,064 rows were selected, {said}." in Parsed(scoring.whole("predict", "deliver").write()).text


def drawn(scoring: Scoring, counts: list[int], threshold: float = 0.35) -> tuple[Scores, Chart, Chart]:
    counted = {"counts": counts, "mean": 0.5, "min": 0.0, "max": 1.0}
    positives = sum(counts[round(threshold * 100) :])
    scoring.predict(scores=counted, predictions=sum(counts), positives=positives, threshold=threshold)
    found = scores(Run(scoring.folder, scoring.manifest))
    assert isinstance(found, Scores)
    histogram, above = found.charts
    return found, histogram, above


def test_the_charts_show_how_the_scores_lie(scoring: Scoring) -> None:
    counts = [0] * 100
    counts[20], counts[30], counts[60] = 50, 30, 20
    found, histogram, above = drawn(scoring, counts)
    assert "from 0.20 to 0.61; most often 0.20 to 0.21, 50.0 %" in histogram.summary
    assert histogram.lines[0].path.startswith("M46 210L46 ")  # from the axis up
    assert dict(found.facts)["half is below"] == "about 0.21"
    assert dict(found.facts)["nine tenths are below"] == "about 0.60"
    (mark,) = above.marks
    assert mark.text == "0.35: 20.0 %"
    assert "20 of 100 predictions (20.0 %) are positive: 0.35 or more." in found.in_words


def test_scores_of_something_rare_are_not_one_bar(scoring: Scoring) -> None:
    counts = [900, 60, 30, 10] + [0] * 96
    _, histogram, _ = drawn(scoring, counts, threshold=0.5)
    assert "in bars 0.01 wide, from 0.00 to 0.04" in histogram.summary
    assert histogram.marks == (), "the threshold is not in the picture"
    _, histogram, _ = drawn(scoring, [10] * 100)
    assert "in bars 0.02 wide, from 0.00 to 1.00" in histogram.summary


def test_a_run_that_scored_nothing_and_one_that_did_not_count_have_a_page(scoring: Scoring) -> None:
    scoring.whole("choose", "select")
    scoring.predict(predictions=0, positives=0, scores={}, rejected={"flight_id is missing": ROWS})
    assert "No row was scored." in Parsed(scoring.write()).text
    scoring.predict(scores={})
    assert "The scores were not counted." in Parsed(scoring.write()).text


def test_where_the_predictions_are_is_reported_with_the_command_that_shows_them(scoring: Scoring) -> None:
    assert f"ls -l output/predictions/flights/{scoring.folder.name}" in Parsed(scoring.whole().write()).text
    scoring.output = "bq://my-project-dev.scores.flights"
    scoring.manifest["settings"]["cloud"] = {"project": "my-project-dev"}
    scoring.deliver()
    page = Parsed(scoring.write())
    table = "https://console.cloud.google.com/bigquery?p=my-project-dev&d=scores&t=flights&page=table"
    assert f"{table}&project=my-project-dev" in page.having("href")
    assert "bq query --nouse_legacy_sql" in page.text
    assert "as rows of the table" in page.text


def test_places_on_google_cloud_have_their_pages_and_folders_here_have_none() -> None:
    assert links.delivered("gs://bucket/runs/predictions/x", "p") == (
        "https://console.cloud.google.com/storage/browser/bucket/runs/predictions/x?project=p"
    )
    assert links.delivered("output/predictions", "p") == ""
    assert look("gs://bucket/a b", "run").startswith("gcloud storage ls 'gs://bucket/a b'")


def test_the_pages_of_the_console_are_among_the_places(scoring: Scoring) -> None:
    job = "https://console.cloud.google.com/dataflow/jobs/us-central1/7?project=p"
    scoring.manifest["links"] = {"Dataflow job": job}
    page = Parsed(scoring.whole().write())
    assert job in page.having("href")
    assert page.text.index("Dataflow job") > page.text.index("Where things lie")


def test_the_seconds_of_its_own_stages_are_shown(text: Callable[..., str]) -> None:
    said = text()
    for stage in ("choose the version and the source", "predict rows to predictions"):
        assert stage in said
    assert said.count("✓ done") == 4
    assert "train" not in re.sub(r"trained by|training", "", said)


def test_a_failure_says_that_nothing_was_delivered_and_how_to_go_on(scoring: Scoring) -> None:
    scoring.whole("choose", "select")
    scoring.fails("predict", "version 3: expected a SavedModel that can be loaded")
    said = Parsed(scoring.write()).text
    assert "Failed in predict Nothing was delivered." in said
    assert f"Fix it, then run {COMMAND} --repeat {scoring.folder.name}" in said
    assert "no record of deliver: predict failed first" in said
    assert next_commands(Run(scoring.folder, scoring.manifest))[0].line.endswith(scoring.folder.name)


def test_a_delivery_that_failed_says_what_readers_see(scoring: Scoring) -> None:
    scoring.whole("choose", "select", "predict")
    scoring.fails("deliver", "the table 'scores.flights': expected the column seen")
    said = Parsed(scoring.write()).text
    assert "Failed in deliver Readers there see all predictions of this run, or none." in said
    assert "6,061" in said


def test_a_run_that_repeats_another_is_repeated_by_its_own_command(scoring: Scoring) -> None:
    scoring.whole("choose", "select")
    scoring.manifest["command"] = f"{COMMAND} --repeat flights-prediction-20261102-140000-cd34"
    scoring.fails("predict")
    (again, *_) = next_commands(Run(scoring.folder, scoring.manifest))
    assert again.line == scoring.manifest["command"]


def test_a_cancelled_run_is_no_success(scoring: Scoring) -> None:
    scoring.whole("choose")
    scoring.manifest["state"] = "cancelled"
    assert "Cancelled 1 of 4 stages were done" in Parsed(scoring.write()).text


def test_a_cancelled_run_goes_on_in_its_own_place(scoring: Scoring) -> None:
    scoring.whole("choose")
    scoring.manifest["state"] = "cancelled"
    (again, *_) = next_commands(Run(scoring.folder, scoring.manifest))
    assert again.line == f"{COMMAND} --repeat {scoring.folder.name}"


def test_a_choice_that_is_broken_is_named_and_the_rest_is_shown(scoring: Scoring) -> None:
    scoring.whole()
    choice = scoring.folder / "kfp" / "choice" / "choice.json"
    choice.write_text(choice.read_text().replace('"numeric\\"', "numeric"))
    said = Parsed(scoring.write()).text
    assert "Could not be read: the features of the choice" in said
    assert "trained by flights-20261101-090000-aa11" in said


def test_what_comes_from_outside_is_never_markup(scoring: Scoring) -> None:
    evil = "<script>alert(1)</script>"
    scoring.output = f"gs://bucket/{evil}"
    scoring.whole("choose", "select")
    scoring.predict(rejected={evil: 3})
    scoring.deliver()
    html = scoring.write()
    assert html.count("<script>") == 1  # our own
    assert Parsed(html).text.count(evil) >= 3
