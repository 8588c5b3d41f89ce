"""Known vulnerabilities of an image, by Google's On-Demand Scanning, and the gate over them.

A scan costs about 0.26 USD. What is grave and has a fix stops the delivery; what has none is counted, because
nobody could fix it; what infra/delivery/accepted.yaml names passes until its day.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from configs.errors import CloudError
from configs.loading import read_section
from configs.section import Section
from infra.commands.programs import capture
from infra.commands.targets import INFRA

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "MINIMAL"]
SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "MINIMAL")
ACCEPTED = INFRA / "delivery" / "accepted.yaml"


class Acceptance(Section):
    """Why a vulnerability may pass, and until when."""

    because: Annotated[str, Field(min_length=10)]
    until: datetime.date


class Acceptances(Section):
    """The file as a whole."""

    accepted: dict[Annotated[str, Field(pattern=r"^[A-Z]+-[A-Za-z0-9-]+$")], Acceptance]


@dataclass(frozen=True)
class Vulnerability:
    """One of an image, in one package."""

    name: str
    """Its CVE."""
    severity: str
    package: str
    version: str
    fixed: str
    """The version that fixes it; empty where there is none."""


@dataclass(frozen=True)
class Verdict:
    """What a scan means."""

    grave: tuple[Vulnerability, ...]
    """They stop the delivery."""
    passed: tuple[Vulnerability, ...]
    """Less grave, without a fix, or accepted."""


def scan(image: str, location: str = "us") -> list[Vulnerability]:
    """Every known vulnerability of an image, by its digest.

    Raises:
        CloudError: The image could not be read, or the service rejected it.
    """
    options = "--remote", f"--location={location}", "--format=json(response.scan)"
    scanned = _gcloud("scan", image, *options)["response"]["scan"]
    return parse_occurrences(_gcloud("list-vulnerabilities", scanned, "--format=json"))


def parse_occurrences(occurrences: Iterable[Mapping[str, Any]]) -> list[Vulnerability]:
    """What Artifact Analysis says, one line a package."""
    return [
        Vulnerability(
            name=each["noteName"].rpartition("/")[2],
            severity=_severity(issue, each["vulnerability"]),
            package=issue.get("affectedPackage", ""),
            version=_version(issue.get("affectedVersion", {})),
            fixed=_version(issue.get("fixedVersion", {})) if issue.get("fixAvailable") else "",
        )
        for each in occurrences
        if each.get("kind") == "VULNERABILITY"
        for issue in each["vulnerability"].get("packageIssue", ())
    ]


def _severity(issue: Mapping[str, Any], vulnerability: Mapping[str, Any]) -> str:
    """As the distribution sees it, which knows how the package is built; else as it was published."""
    return str(issue.get("effectiveSeverity") or vulnerability.get("effectiveSeverity", ""))


def _version(version: Mapping[str, Any]) -> str:
    return str(version.get("fullName") or version.get("name", ""))


def judge(
    found: Iterable[Vulnerability],
    severity: Severity,
    accepted: Mapping[str, Acceptance],
    today: datetime.date,
) -> Verdict:
    """Which stop the delivery: at least this grave, with a fix, and not accepted for today."""
    stopping = SEVERITIES[: SEVERITIES.index(severity) + 1]
    grave: list[Vulnerability] = []
    passed: list[Vulnerability] = []
    for each in found:
        acceptance = accepted.get(each.name)
        excused = acceptance is not None and today <= acceptance.until
        stops = each.severity in stopping and bool(each.fixed) and not excused
        (grave if stops else passed).append(each)
    return Verdict(tuple(grave), tuple(passed))


def acceptances(path: Path = ACCEPTED) -> dict[str, Acceptance]:
    """What passes for a while, by CVE.

    Raises:
        SettingsError: The file does not say why or until when.
    """
    return read_section(path, Acceptances).accepted


def check(image: str, verdict: Verdict) -> None:
    """Stop the delivery of an image with something grave.

    Raises:
        CloudError: The first ones, and how to get on.
    """
    if not verdict.grave:
        return
    named = [f"{each.name} {each.severity} in {each.package} {each.version}" for each in verdict.grave]
    others = f" and {len(named) - 5} more" if len(named) > 5 else ""
    fixes = sorted({f"{each.package}>={each.fixed}" for each in verdict.grave})
    raise CloudError(
        image,
        expected="no grave vulnerability that has a fix",
        got="; ".join(named[:5]) + others,
        remedy=f"Take {', '.join(fixes[:5])} (make lock, or a newer base image), "
        f"or say in {ACCEPTED.relative_to(INFRA.parent)} why it may pass.",
    )


def _gcloud(*words: str) -> Any:
    done = capture("gcloud", "artifacts", "docker", "images", *words)
    if done.returncode:
        lines = done.stderr.splitlines()
        errors = [line for line in lines if "ERROR" in line] or lines[-1:]
        subject = f"Artifact Registry's {words[0]} of an image"
        raise CloudError(subject, expected="an answer", got=" ".join(errors))
    return json.loads(done.stdout)
