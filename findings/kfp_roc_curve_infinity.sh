#!/usr/bin/env bash
# findings/kfp_roc_curve_infinity.sh: about a minute, needs Python 3.11+ and a package index.
#
# kfp 2.17.3 with scikit-learn 1.9.1. `dsl.ClassificationMetrics.log_roc_curve` is documented with the three lists that
# `sklearn.metrics.roc_curve` returns. Expected: they can be handed over as they are. Seen: since scikit-learn 1.3 the
# first threshold is infinity; the component ends well and writes `Infinity` into executor_output.json, which is no JSON,
# and KFP's local runner then fails the finished task with SerializeToJsonError, which names neither metric nor value.
# Remedy: leave the first point out, or give it a threshold of 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kfp==2.17.3 scikit-learn==1.9.1
cd "$folder"
cat >curve.py <<'PYTHON'
import glob
import warnings

warnings.simplefilter("ignore")
from kfp import dsl, local

local.init(local.SubprocessRunner(use_venv=False), pipeline_root="runs")


@dsl.component(base_image="python", install_kfp_package=False)
def curve(metrics: dsl.Output[dsl.ClassificationMetrics]) -> str:
    from sklearn.metrics import roc_curve

    rates = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    metrics.log_roc_curve(*(column.tolist() for column in rates))
    return "the component ended well"


@dsl.pipeline
def one_curve() -> None:
    curve()


try:
    one_curve()
    print("RESULT accepted")
except Exception as error:
    print("RESULT", type(error).__name__)
(written,) = glob.glob("runs/*/curve/executor_output.json")
text = open(written).read()
print("RESULT", "the component ended well" in text, '"confidenceThreshold": Infinity' in text)
PYTHON
seen=$("$folder/venv/bin/python" curve.py 2>&1 | grep '^RESULT')
echo "$seen"
expected=$'RESULT SerializeToJsonError\nRESULT True True'
[ "$seen" == "$expected" ] || { echo "changed: expected $expected"; exit 1; }
