"""The scan of images and its gate: the real gcloud reads the registry, and asks a service on loopback."""

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs.errors import SettingsError
from infra.commands import scanning
from infra.commands.scanning import Acceptance, Vulnerability, judge
from tests.infra.images.registry import Registry
from tests.infra.images.scanner import TOMORROW, YESTERDAY, Scanner
from tests.infra.images.scanner import scanning as serving

DEBIAN = {
    "etc/debian_version": "12.5\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nID=debian\n'
    'VERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\n',
    "var/lib/dpkg/status": "Package: openssl\nStatus: install ok installed\nSource: openssl\nVersion: 1.0-1\n"
    "Architecture: amd64\nMaintainer: nobody\nDescription: x\n\n",
}


@pytest.fixture
def scanner(registry: Registry, tmp_path: Path) -> Iterator[Scanner]:
    """Google's scan; an image of Debian with one package lies in test's registry, and is pinned."""
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    with serving(tmp_path) as made:
        registry.variables |= made.variables
        for name in ("pipeline-python", "pipeline-serving"):
            registry.push("test", "v1", DEBIAN, name)
        registry.done("pin", "test", "--version", "v1")
        yield made


def test_what_is_grave_and_has_a_fix_stops_the_delivery(registry: Registry, scanner: Scanner) -> None:
    scanner.knows("CVE-2026-1", "HIGH", "openssl", fixed="1.1-1")
    scanner.knows("CVE-2026-2", "CRITICAL", "openssl")
    said = registry.rejected("scan", "test")
    assert "CVE-2026-1 HIGH in openssl 1.0-1. Take openssl>=1.1-1" in said
    assert "CVE-2026-2" not in said
    assert [each["package"] for each in scanner.packages] == ["openssl"]


def test_nothing_grave_lets_both_images_pass(registry: Registry, scanner: Scanner) -> None:
    scanner.knows("CVE-2026-3", "MEDIUM", "openssl", fixed="1.1-1")
    said = registry.done("scan", "test").splitlines()
    assert [line.rpartition(": ")[2] for line in said] == ["0 grave with a fix, 1 others"] * 2
    assert "MEDIUM" in registry.rejected("scan", "test", "--severity", "MEDIUM")


def test_what_is_accepted_passes_until_its_day(registry: Registry, scanner: Scanner) -> None:
    scanner.knows("CVE-2026-4", "HIGH", "openssl", fixed="1.1-1")
    path = registry.root / "infra" / "delivery" / "accepted.yaml"
    for until, passes in ((TOMORROW, True), (YESTERDAY, False)):
        path.write_text(f"accepted:\n  CVE-2026-4: {{because: no stage calls this, until: {until}}}\n")
        assert (registry.type("scan", "test").returncode == 0) == passes


def test_gclouds_own_word_is_reported(registry: Registry, scanner: Scanner) -> None:
    registry.push("test", "v2", {"etc/nothing": ""})
    registry.push("test", "v2", {"etc/nothing": ""}, "pipeline-serving")
    registry.done("pin", "test", "--version", "v2")
    assert "could not detect operating system" in registry.rejected("scan", "test")
    assert not scanner.packages


# --- the gate alone -----------------------------------------------------------------------------------

TODAY = datetime.date(2026, 11, 25)


def found(severity: str = "HIGH", fixed: str = "2") -> Vulnerability:
    return Vulnerability("CVE-1", severity, "zlib", "1", fixed)


@pytest.mark.parametrize(
    ("vulnerability", "severity", "stops"),
    [
        (found("CRITICAL"), "HIGH", True),
        (found("HIGH"), "HIGH", True),
        (found("MEDIUM"), "HIGH", False),
        (found("HIGH"), "CRITICAL", False),
        (found("HIGH", fixed=""), "HIGH", False),
        (found("SEVERITY_UNSPECIFIED"), "MINIMAL", False),
    ],
)
def test_the_gate_looks_at_severity_and_fix(
    vulnerability: Vulnerability, severity: scanning.Severity, *, stops: bool
) -> None:
    verdict = judge([vulnerability], severity, {}, TODAY)
    assert (verdict.grave == (vulnerability,), verdict.passed == (vulnerability,)) == (stops, not stops)


def test_an_acceptance_holds_on_its_last_day_and_not_after() -> None:
    accepted = {"CVE-1": Acceptance(because="no stage calls it", until=TODAY)}
    assert not judge([found()], "HIGH", accepted, TODAY).grave
    assert judge([found()], "HIGH", accepted, TODAY + datetime.timedelta(days=1)).grave


def test_what_is_accepted_now_has_reasons() -> None:
    assert all(each.because for each in scanning.acceptances().values())


@pytest.mark.parametrize(
    "content",
    ["accepted: {CVE-1: {until: 2026-12-01}}", "accepted: {CVE-1: {because: it is fine really}}", "{}"],
)
def test_an_acceptance_without_reason_or_end_is_rejected(tmp_path: Path, content: str) -> None:
    (tmp_path / "accepted.yaml").write_text(content)
    with pytest.raises(SettingsError):
        scanning.acceptances(tmp_path / "accepted.yaml")
