#!/usr/bin/env bash
# findings/kfp_cache_without_files.sh: half a minute, needs Python 3.11+ and a package index.
#
# kfp 2.17.3, local runner with `enable_caching=True`. Expected: a task that ran before with the same inputs is taken from
# the cache. Seen: a task whose output artifact is metadata alone (`dsl.Metrics` filled by `log_metric`, which writes no
# file) runs anew every time; the same task that also writes a file at `metrics.path` is taken from the cache. What follows:
# write something at the path of every output artifact.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kfp==2.17.3
cd "$folder"
cat >metrics.py <<'PYTHON'
import pathlib
import warnings

warnings.simplefilter("ignore")
from kfp import dsl, local

local.init(
    local.SubprocessRunner(use_venv=False), pipeline_root="runs", enable_caching=True, cache_root="cache"
)


@dsl.component(base_image="python", install_kfp_package=False)
def measure(counter: str, with_file: bool, metrics: dsl.Output[dsl.Metrics]):
    import pathlib

    with pathlib.Path(counter).open("a") as runs:
        runs.write("ran\n")
    metrics.log_metric("auc", 0.75)
    if with_file:
        pathlib.Path(metrics.path).write_text("0.75")


@dsl.pipeline
def once(counter: str, with_file: bool):
    measure(counter=counter, with_file=with_file)


for with_file in (False, True):
    counter = pathlib.Path(f"{with_file}.txt").absolute()
    once(counter=str(counter), with_file=with_file)
    once(counter=str(counter), with_file=with_file)
    print("RESULT", "with a file" if with_file else "metadata alone", "ran", len(counter.read_text().split()), "of 2 times")
PYTHON
seen=$("$folder/venv/bin/python" metrics.py 2>&1 | grep '^RESULT')
echo "$seen"
expected=$'RESULT metadata alone ran 2 of 2 times\nRESULT with a file ran 1 of 2 times'
[ "$seen" == "$expected" ] || { echo "changed: expected $expected"; exit 1; }
