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

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = """
<script>
const all = (selector) => [...document.querySelectorAll(selector)];
const rows = () => all("#slices-table tbody tr:not([hidden]) th");
const names = () => rows().map((head) => head.firstChild.data.trim());
const found = { first: names() };
all("#slices-table thead button").find((each) => each.textContent === "Rows").click();
found.byRows = names();
document.querySelector("[data-filters] button[value=origin]").click();
found.origins = names();
const hidden = (each) => !each.getClientRects().length;
found.unseen = all("h1, h2").filter(hidden).map((each) => each.textContent);
found.overflow = document.documentElement.scrollWidth - innerWidth;
found.requests = performance.getEntriesByType("resource").map((each) => each.name);
const probe = document.createElement("pre");
probe.id = "probe";
probe.textContent = JSON.stringify(found);
document.body.append(probe);
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH to open the report in")
def test_a_browser_shows_it_without_a_complaint(until: Callable[[str], Any], tmp_path: Path) -> None:
    page = tmp_path / "probed.html"
    page.write_text(until("deploy").write().replace("</body>", PROBE + "</body>"))
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
    probe = re.search(r'<pre id="probe">(.*?)</pre>', opened.stdout)
    assert probe is not None
    found = json.loads(unescape(probe[1]))
    assert found["first"][0] == "carrier = 9E"
    assert found["byRows"][0] == "carrier = OO"
    assert sorted(found["origins"]) == ["origin = EWR", "origin = JFK", "origin = LGA"]
    assert found["unseen"] == []
    assert found["overflow"] <= 0
    assert found["requests"] == []
