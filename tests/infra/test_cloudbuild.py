"""Cloud Build's files: by the schema, by Google's proto, and by what ties their fields together."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.cloud.devtools.cloudbuild_v1 import Build
from google.protobuf import json_format

from tests.infra.cloudbuild import mistakes
from tests.infra.linters import linter
from tests.infra.provider.packages import ROOT

SOUND = Path(__file__).parent / "fixtures" / "cloudbuild.yaml"
GOOD: dict[str, Any] = yaml.safe_load(SOUND.read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good build with another value at `steps.0.id`; None takes it out."""
    build = copy.deepcopy(GOOD)
    *outer, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inner: Any = build
    for step in outer:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return build


def test_a_good_build_has_no_mistakes() -> None:
    assert mistakes(GOOD) == []
    assert json_format.ParseDict(GOOD, Build.pb(Build()))
    linter("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", SOUND)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("substitutions.ENV", "x", "substitutions.ENV: expected a name as _NAME: _, A-Z and 0-9, got ENV"),
        ("substitutions._ENV", True, "substitutions._ENV: expected text: put it in quotes, got True"),
        (
            "steps.0.args.1",
            "echo $HOME $_ENV",
            "step test: expected a substitution that is defined, or $$HOME",
        ),
        ("steps.0.args.1", "echo $$$_NO $_ENV", "or $$_NO for the shell, got $_NO"),
        ("steps.0.args.1", "echo", "substitutions._ENV: expected to be used, got no use"),
        ("substitutions._TAG", "$_NO", "substitutions: expected a substitution that is defined"),
        ("steps.2.args", ["x"], "step push: expected script or args, got both"),
        ("steps.2.entrypoint", "sh", "step push: expected script or entrypoint, got both"),
        (
            "steps.2.env",
            ["OTHER=$_REGION"],
            "env: [_REGION=$_REGION] or automapSubstitutions, got $_REGION in script",
        ),
        ("steps.2.waitFor", ["last"], "step push: expected waitFor an earlier step's id, got 'last'"),
        ("steps.2.waitFor", ["push"], "step push: expected waitFor an earlier step's id, got 'push'"),
        ("steps.4.id", "note", "step note: expected an id of its own, got 2 steps of it"),
        ("steps.3.name", None, "step note: expected name: the image to run in, got none"),
        ("steps.3.id", None, ""),
        ("steps", [], "steps: expected at least one, got none"),
        ("steps.4.secretEnv", ["OTHER"], "step last: expected secretEnv of availableSecrets, got 'OTHER'"),
        ("steps.4.volumes", [], "volume shared: expected at least two steps that mount it, got one"),
        (
            "options.logging",
            "GCS_ONLY",
            "serviceAccount: expected logsBucket, options.logging of CLOUD_LOGGING_ONLY",
        ),
        ("steps.4.timeout", "1201s", "step last: expected a timeout within the build's 1200s, got 1201s"),
    ],
)
def test_a_mistake_is_reported(path: str, value: Any, said: str) -> None:
    found = [str(mistake) for mistake in mistakes(changed(path, value))]
    assert any(said in line for line in found) if said else found == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("options", {"defaultLogsBucketBehavior": "REGIONAL_USER_OWNED_BUCKET"}),
        ("logsBucket", "gs://logs"),
        ("availableSecrets", {"inline": [{"kmsKeyName": "k", "envMap": {"TOKEN": "x"}}]}),
        ("options", {"logging": "NONE", "substitutionOption": "ALLOW_LOOSE"}),
        (
            "steps.2",
            {"id": "push", "name": "docker", "script": "echo $_REGION", "automapSubstitutions": True},
        ),
    ],
)
def test_what_fixes_it_is_taken(path: str, value: Any) -> None:
    build = changed(path, value)
    if path == "logsBucket":
        del build["options"]
    assert mistakes(build) == []


def test_loose_and_mapped_builds_may_define_more_than_they_use() -> None:
    more = changed("substitutions._MORE", "x")
    assert [str(one) for one in mistakes(more)] == ["substitutions._MORE: expected to be used, got no use"]
    for option, value in (("substitutionOption", "ALLOW_LOOSE"), ("automapSubstitutions", True)):
        more["options"] = {"logging": "NONE", option: value}
        assert mistakes(more) == []


def builds() -> list[Path]:
    """The files of the repository that say `steps:`."""
    found = [*ROOT.glob("cloudbuild*.yaml"), *(ROOT / "infra").rglob("*.yaml")]
    return sorted(path for path in found if re.search("^steps:", path.read_text(), re.MULTILINE))


def test_there_is_a_build() -> None:
    assert ROOT / "cloudbuild.yaml" in builds()


@pytest.mark.parametrize("file", builds(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_build_is_one_that_cloud_build_begins(file: Path) -> None:
    build = yaml.safe_load(file.read_text())
    assert [str(mistake) for mistake in mistakes(build)] == []
    json_format.ParseDict(build, Build.pb(Build()), ignore_unknown_fields=False)
    linter("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps:\n- name: python\n  arg: [x]\n", "'arg' was unexpected"),
        ("steps:\n- name: python\n  timeout: 10m\n", "10m"),
        ("steps:\n- name: python\noptions:\n  logging: NOWHERE\n", "NOWHERE"),
    ],
)
def test_the_schema_rejects_what_is_no_build(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "cloudbuild.yaml"
    file.write_text(text)
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        linter("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", file)
    assert said in rejected.value.output


def test_the_proto_rejects_an_unknown_field() -> None:
    with pytest.raises(json_format.ParseError, match='no field named "arg"'):
        json_format.ParseDict({"steps": [{"name": "python", "arg": ["x"]}]}, Build.pb(Build()))
