"""The trigger's archive: the same bytes from the same source, with what the function needs."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.infra.provider.packages import ROOT

PACKAGE = ROOT / "infra" / "trigger" / "package.py"


def packed() -> bytes:
    run = subprocess.run([sys.executable, PACKAGE], check=True, capture_output=True, text=True)
    return Path(run.stdout.strip()).read_bytes()


def test_the_same_source_makes_the_same_bytes() -> None:
    first = packed()
    (PACKAGE.parent / "main.py").touch()
    assert packed() == first


def test_it_holds_the_function_and_its_lock_at_the_top() -> None:
    packed()
    with zipfile.ZipFile(ROOT / "output" / "trigger.zip") as archive:
        assert archive.namelist() == ["main.py", "requirements.txt"]
        assert archive.read("main.py") == (PACKAGE.parent / "main.py").read_bytes()


def test_what_the_function_installs_is_the_projects_own_lock() -> None:
    pinned = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
    project = dict(pinned.findall((ROOT / "requirements-dev.lock").read_text()))
    own = dict(pinned.findall((PACKAGE.parent / "requirements.txt").read_text()))
    wanted = (PACKAGE.parent / "requirements.in").read_text().splitlines()
    assert {name for name in wanted if name and not name.startswith("#")} <= set(own)
    assert {name: version for name, version in own.items() if project.get(name) != version} == {}
