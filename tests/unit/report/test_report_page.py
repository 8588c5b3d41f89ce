"""The page: one file, whole whatever the run has come to, and nothing in it is taken for markup."""

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from components.report.outcome import UNRECORDED
from pipelines.graph import definitions

SECTIONS = (
    "verdict", "comparison", "slices", "curves", "training",
    "data", "distributions", "timings", "lineage", "next",
)  # fmt: skip
VOID = {"meta", "link", "br", "path", "rect", "circle", "img"}


class Parsed(HTMLParser):
    """What the tests look at: elements with their attributes, the text of each, whether tags match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element opens."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """The innermost element closes, and no other."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text, with the element it stands in."""
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    @property
    def text(self) -> str:
        """All that is read, in order, with single spaces."""
        shown = " ".join(text for tag, text in self.texts if tag not in {"style", "script"})
        return re.sub(r"\s+", " ", shown)

    def having(self, attribute: str) -> list[str]:
        """The values of an attribute, wherever it is."""
        return [value for _, attributes in self.elements if (value := attributes.get(attribute))]


def test_every_section_is_there_with_its_heading(until: Callable[[str], Any]) -> None:
    page = Parsed(until("deploy").write())
    assert [attributes["id"] for tag, attributes in page.elements if tag == "section"] == list(SECTIONS)
    assert len([tag for tag, _ in page.elements if tag == "h2"]) == len(SECTIONS)


def test_it_needs_nothing_but_itself(until: Callable[[str], Any]) -> None:
    html = until("deploy").write()
    page = Parsed(html)
    assert page.having("src") == []
    assert {link for link in page.having("href") if not link.startswith("#")} == {"data:,"}
    assert not re.search(r"https?://|@import|url\(", html)
    assert len(html) < 1_500_000


def test_it_can_be_read_without_seeing_it(until: Callable[[str], Any]) -> None:
    page = Parsed(until("deploy").write())
    ids = page.having("id")
    assert max(Counter(ids).values()) == 1
    assert {name for names in page.having("aria-labelledby") for name in names.split()} <= set(ids)
    pictures = [attributes for tag, attributes in page.elements if tag == "svg"]
    named = {"aria-label", "aria-labelledby", "aria-hidden"}
    assert all(named & set(picture) for picture in pictures)
    tables = [tag for tag, _ in page.elements].count("table")
    assert [tag for tag, _ in page.elements].count("thead") == tables
    assert all(attributes.get("scope") for tag, attributes in page.elements if tag == "th")


def test_what_comes_from_outside_is_never_markup(until: Callable[[str], Any]) -> None:
    sample = until("train")
    evil = "<script>alert(1)</script>"
    sample.manifest["question"] = sample.manifest["settings"]["source"]["sql"] = f"{evil}\"'"
    sample.evaluate()
    metrics = sample.folder / "kfp" / "evaluation" / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"UA"', '"<script>alert(1)</script>"'))
    statistics = sample.folder / "kfp" / "statistics" / "statistics.pb"
    statistics.write_bytes(statistics.read_bytes().replace(b"distance", b"<script>"))
    sample.fails("deploy", f"column {evil}: expected none")
    (sample.folder / "stages" / "deploy.log").write_text(f"Traceback {evil}")
    html = sample.write()
    assert html.count("<script>") == 1  # our own
    assert Parsed(html).text.count(evil) >= 4
    assert "carrier=<script>alert(1)</script>" in Parsed(html).text


def test_the_same_run_gives_the_same_page(until: Callable[[str], Any]) -> None:
    sample = until("deploy")
    assert sample.write() == sample.write()


def test_a_failure_comes_first_with_its_log_and_the_next_command(until: Callable[[str], Any]) -> None:
    sample = until("transform")
    sample.fails("train", "model 'flights': expected a finite loss, got nan")
    (sample.folder / "stages" / "train.log").write_text("epoch 1\nloss nan\n")
    text = Parsed(sample.write()).text
    assert text.index("Failed in train") < text.index("expected a finite loss, got nan")
    assert text.index("loss nan") < text.index("Verdict")
    assert "Fix it, then run python -m pipelines run flights" in text
    assert text.count("no record of evaluate: train failed first") == 4
    assert "217,719" in text


def test_a_stage_that_was_killed_is_reported(until: Callable[[str], Any]) -> None:
    sample = until("train")
    sample.ran("evaluate", 9.0, {}, state="running")
    sample.manifest["state"] = "failed"
    text = Parsed(sample.write()).text
    assert "Failed in evaluate" in text
    assert UNRECORDED in text
    assert "✗ killed" in text


def test_a_run_that_has_only_begun_has_a_page(sample: Any) -> None:
    sample.manifest = {"run_id": "flights-1", "name": "flights", "question": "", "state": "running"}
    text = Parsed(sample.write()).text
    assert "Not finished 0 of 7 stages were done" in text
    assert text.count("did not run") >= len(definitions.of("training").order)


def test_the_deployment_is_reported_with_traffic_and_golden_rows(until: Callable[[str], Any]) -> None:
    text = Parsed(until("deploy").write()).text
    assert "Deployed as version 4" in text
    assert "Traffic: version 3 (champion) 90 %, version 4 (challenger) 10 %." in text
    assert "64 golden rows went through the real server; its scores are within 3e" in text


def test_instants_are_drawn_as_dates(until: Callable[[str], Any]) -> None:
    sample = until("deploy")
    rows = sample.folder / "kfp" / "rows" / "rows.json"
    rows.write_text(rows.read_text().replace('"distance": "int64"', '"distance": "timestamp[us, tz=UTC]"'))
    assert "min 1970-01-01 · median 1970-01-01" in Parsed(sample.write()).text


def test_a_candidate_that_is_rejected_says_which_gate_failed(until: Callable[[str], Any]) -> None:
    sample = until("train")
    sample.evaluate(decision="reject")
    sample.reject()
    text = Parsed(sample.write()).text
    assert text.count("AUC 0.6611 of carrier=US") == 1
    assert "Rejected 1 of 2 gates failed." in text
    assert text.index("AUC 0.6611 of carrier=US") < text.index("AUC 0.7031 is at least the floor")
    assert "carrier=US below the gate" in text
    assert "pipelines serve" not in text


def test_without_a_champion_nothing_is_compared(until: Callable[[str], Any]) -> None:
    sample = until("train")
    sample.evaluate(champion=False)
    sample.deploy()
    text = Parsed(sample.write()).text
    assert "There is no champion to compare with." in text
    assert "Δ champion" not in text
    assert "Candidate against champion" not in text


def test_cached_stages_are_marked_and_their_seconds_do_not_count(until: Callable[[str], Any]) -> None:
    sample = until("deploy")
    for record in sample.manifest["stages"][1:6]:
        record["cached"] = True
    sample.manifest["seconds"] = 9.4
    text = Parsed(sample.write()).text
    assert text.count("≡ cached") == 5
    assert "5 of 7 stages cached" in text
    assert "The run took 9.4 s, 2.0 s of it between the stages." in text


def test_a_cached_stage_without_a_trace_is_no_stage_that_did_not_run(until: Callable[[str], Any]) -> None:
    sample = until("transform")
    del sample.manifest["stages"][2]  # validate: only deploy would lead back to it
    sample.fails("train")
    text = Parsed(sample.write()).text
    assert "no record of validate: it was taken from the cache" in text
    assert "no record of evaluate: train failed first" in text
    assert text.count("≡ cached") == 1


def test_a_file_that_cannot_be_read_is_reported_and_the_rest_is_shown(until: Callable[[str], Any]) -> None:
    sample = until("deploy")
    (sample.folder / "kfp" / "evaluation" / "curves.json").write_text('{"candidate": ')
    (sample.folder / "kfp" / "statistics" / "statistics.pb").write_bytes(b"\xff\xff\xff")
    text = Parsed(sample.write()).text
    assert re.search(r"Could not be read: \S*curves.json", text)
    assert re.search(r"Could not be read: \S*statistics.pb", text)
    assert "0.7031" in text


def test_rows_that_do_not_add_up_are_marked(until: Callable[[str], Any]) -> None:
    sample = until("deploy")
    rows = sample.folder / "kfp" / "rows" / "rows.json"
    rows.write_text(rows.read_text().replace('"cancelled": 8255', '"cancelled": 8254'))
    text = Parsed(sample.write()).text
    assert "✗ 217,719 + 55,627 + 54,000 + 9,429 excluded ≠ 336,776 source rows" in text
    assert "✓ train: 217,717 examples + 2 rejected = 217,719 rows" in text


def test_the_run_of_an_earlier_version_that_was_held_reads_as_rejected(until: Callable[[str], Any]) -> None:
    sample = until("train")
    sample.evaluate(decision="reject")
    sample.reject()
    today = Parsed(sample.write()).text
    evaluation, deployment = sample.path("evaluation"), sample.path("deployment")
    for file, words in (
        (evaluation / "verdict.json", (('"reject"', '"hold"'), ('"passed"', '"held"'))),
        (deployment / "deployment.json", (('"rejected"', '"held"'),)),
    ):
        text = file.read_text()
        for new, old in words:
            text = text.replace(new, old)
        file.write_text(text)
    sample.manifest["stages"][-1]["stage"] = "hold"
    sample.manifest["stages"][-1]["summary"] = {"action": "rejected"}
    assert Parsed(sample.write()).text == today
