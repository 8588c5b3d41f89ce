#!/usr/bin/env bash
# findings/kfp_ignore_upstream_failure_optional_input.sh: half a minute, needs Python 3.11+ and a package index.
#
# kfp 2.17.3. `task.ignore_upstream_failure()` is documented for tasks whose inputs have defaults, so that they can run
# after a failure. Expected: a task that leaves an optional input at its default is the simplest such task. Seen: a bare
# KeyError with the input's name while the pipeline is defined; the same task with the same value given as an argument is
# accepted. Remedy: give every optional input explicitly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kfp==2.17.3
cd "$folder"
cat >late.py <<'PYTHON'
import warnings

warnings.simplefilter("ignore")
from kfp import dsl


@dsl.component(base_image="python", install_kfp_package=False)
def first() -> str:
    return "first"


@dsl.component(base_image="python", install_kfp_package=False)
def late(word: str = "default") -> str:
    return word


def define(**given: str) -> str:
    try:

        @dsl.pipeline
        def after_all() -> None:
            late(**given).after(first()).ignore_upstream_failure()

    except Exception as error:
        return repr(error)
    return "accepted"


print("RESULT", define())
print("RESULT", define(word="default"))
PYTHON
seen=$("$folder/venv/bin/python" late.py 2>&1 | grep '^RESULT')
echo "$seen"
expected=$'RESULT KeyError(\'word\')\nRESULT accepted'
[ "$seen" == "$expected" ] || { echo "changed: expected $expected"; exit 1; }
