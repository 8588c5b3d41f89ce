"""Every gcloud command that we show a person is one that gcloud knows."""

import shutil
from pathlib import Path

import pytest

from tests.infra.gcloud import in_page, in_source, rejected
from tests.infra.provider.packages import ROOT

SOURCES = ("benchmarks", "components", "configs", "infra", "pipelines")
PAGE = """\
Log in (`gcloud auth login`) and see `gcloud builds …`.
```sh
gcloud storage ls \\
  gs://b   # what is there
make up
```
```yaml
gcloud: no
```
"""
SOURCE = '''
"""gcloud finds it."""

LOGIN = "gcloud auth login"

def ways(job, region):
    words, who = "gcloud storage buckets add-iam-policy-binding", job
    yield f"Grant it: gcloud projects add-iam-policy-binding {job} --role=r (as its owner)"
    yield f"Look: gcloud dataflow jobs show {job.where}; or wait. Then go on"
    yield "Run `gcloud services enable a.googleapis.com`."
    yield command(words, f"gs://{job}", member=who, role="r")
    yield command("gcloud kms keys create", job, **region, purpose="encryption", is_new=True)
    yield command("make up", job)
    yield f"gcloud {' '.join(words)}"
'''


@pytest.fixture
def gcloud() -> None:
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")


def test_the_commands_of_a_page_are_found() -> None:
    assert in_page(PAGE) == ["gcloud storage ls    gs://b", "gcloud auth login"]


def test_the_commands_of_a_source_are_found() -> None:
    assert sorted(in_source(SOURCE)) == [
        "gcloud auth login",
        "gcloud dataflow jobs show [flags]",
        "gcloud kms keys create placeholder --purpose=encryption --is-new [flags]",
        "gcloud projects add-iam-policy-binding placeholder --role=r",
        "gcloud services enable a.googleapis.com",
        "gcloud storage buckets add-iam-policy-binding gs://placeholder --member=placeholder --role=r",
    ]


@pytest.mark.usefixtures("gcloud")
def test_a_command_that_is_none_is_rejected(tmp_path: Path) -> None:
    commands = [
        "gcloud run services list",
        "gcloud run servces list",
        "gcloud storage buckets create gs://b --locaton=r",
        "gcloud storage buckets add-iam-policy-binding gs://b --member=m",
        "gcloud dataflow jobs show [flags]",
        "gcloud ai models list [flags]",
        "gcloud storage ls --long gs://b",
        "gcloud storage buckets create gs://b --location us-central1",
        "gcloud storage ls --lng gs://b",
    ]
    said = rejected(commands, tmp_path)
    assert list(said) == [*commands[1:4], commands[-1]]
    assert "Invalid choice: 'servces'" in said[commands[1]]
    assert "--locaton" in said[commands[2]]
    assert "--role" in said[commands[3]]


@pytest.mark.usefixtures("gcloud")
def test_every_command_that_we_show_is_known(tmp_path: Path) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "infra").rglob("*.md")]
    sources = [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py")]
    shown = [words for page in pages for words in in_page(page.read_text())]
    shown += [words for source in sources for words in in_source(source.read_text())]
    assert len(set(shown)) > 40
    assert rejected(sorted(set(shown)), tmp_path) == {}
