"""The page in a real browser: nothing complains, tables sort and filter, nothing overflows a phone."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.test_report_prediction import Scoring

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOOK = """
<script>
const all = (selector) => [...document.querySelectorAll(selector)];
const found = {};
SORTING
const hidden = (each) => !each.getClientRects().length;
found.unseen = all("h1, h2").filter(hidden).map((each) => each.textContent);
found.overflow = document.documentElement.scrollWidth - innerWidth;
found.requests = performance.getEntriesByType("resource").map((each) => each.name);
found.drawn = all(".chart .drawn").map((each) => each.getBBox()).filter((box) => box.width > 40).length;
const probe = document.createElement("pre");
probe.id = "probe";
probe.textContent = JSON.stringify(found);
document.body.append(probe);
</script>
"""
SORTING = """
const rows = () => all("#slices-table tbody tr:not([hidden]) th");
const names = () => rows().map((head) => head.firstChild.data.trim());
found.first = names();
all("#slices-table thead button").find((each) => each.textContent === "Rows").click();
found.byRows = names();
document.querySelector("[data-filters] button[value=origin]").click();
found.origins = names();
"""


needs_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH to open the report in")


def probed(html: str, probe: str, tmp_path: Path) -> dict[str, Any]:
    """What a probe finds on a page, on a phone, when nothing complains."""
    page = tmp_path / "probed.html"
    page.write_text(html.replace("</body>", probe + "</body>"))
    opened = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--window-size=400,800",
            "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in opened.stderr
    said = re.search(r'<pre id="probe">(.*?)</pre>', opened.stdout)
    assert said is not None
    found: dict[str, Any] = json.loads(unescape(said[1]))
    return found


@needs_a_browser
def test_a_browser_shows_it_without_a_complaint(until: Callable[[str], Any], tmp_path: Path) -> None:
    found = probed(until("deploy").write(), LOOK.replace("SORTING", SORTING), tmp_path)
    assert found["first"][0] == "carrier=9E"
    assert found["byRows"][0] == "carrier=OO"
    assert sorted(found["origins"]) == ["origin=EWR", "origin=JFK", "origin=LGA"]
    assert found["unseen"] == []
    assert found["overflow"] <= 0
    assert found["requests"] == []


@needs_a_browser
def test_a_browser_shows_predictions_without_a_complaint(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "flights-prediction-1"
    (folder / "stages").mkdir(parents=True)
    found = probed(Scoring(folder).whole().write(), LOOK.replace("SORTING", ""), tmp_path)
    assert found["overflow"] <= 0
    assert (found["unseen"], found["requests"], found["drawn"]) == ([], [], 2)
