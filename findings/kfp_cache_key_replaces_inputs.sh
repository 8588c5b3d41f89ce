#!/usr/bin/env bash
# findings/kfp_cache_key_replaces_inputs.sh: half a minute, needs Python 3.11+ and a package index.
#
# kfp 2.17.3, local runner with `enable_caching=True`. `task.set_caching_options(True, cache_key="v1")` names a key of one's
# own. Expected: it is a further part of the key, as a version of the code would be. Seen: it takes the place of the inputs;
# a run with another input gets the first run's output, and the pipeline succeeds. What follows: hand a version of the code
# over as an input.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kfp==2.17.3
cd "$folder"
cat >keys.py <<'PYTHON'
import warnings

warnings.simplefilter("ignore")
from kfp import dsl, local

local.init(
    local.SubprocessRunner(use_venv=False), pipeline_root="runs", enable_caching=True, cache_root="cache"
)


@dsl.component(base_image="python", install_kfp_package=False)
def double(number: int) -> int:
    return 2 * number


def doubled(number: int, key: str) -> object:
    @dsl.pipeline
    def twice(number: int) -> int:
        task = double(number=number)
        task.set_caching_options(True, cache_key=key) if key else task.set_caching_options(True)
        return task.output

    return twice(number=number).output


print("RESULT without a key", doubled(1, ""), doubled(10, ""))
print("RESULT with a key", doubled(1, "v1"), doubled(10, "v1"))
PYTHON
seen=$("$folder/venv/bin/python" keys.py 2>&1 | grep '^RESULT')
echo "$seen"
expected=$'RESULT without a key 2 20\nRESULT with a key 2 2'
[ "$seen" == "$expected" ] || { echo "changed: expected $expected"; exit 1; }
