"""Runs as the pipeline leaves them, made small: realistic figures, every file in its format."""

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.report.core import write

ROWS = {"train": 217_719, "eval": 55_627, "test": 54_000}
STAGES = {
    "resolve": [],
    "ingest": ["rows"],
    "validate": ["statistics"],
    "transform": ["transform_graph", "examples"],
    "train": ["model", "training_log"],
    "evaluate": ["evaluation"],
    "deploy": ["deployment"],
    "reject": ["deployment"],
    "choose": ["choice"],
    "select": ["rows"],
    "predict": ["predictions"],
    "deliver": ["delivery"],
}
READS = {
    "validate": ["rows"],
    "transform": ["rows"],
    "train": ["examples", "transform_graph"],
    "evaluate": ["rows", "model"],
    "deploy": ["model", "evaluation", "statistics"],
    "predict": ["rows"],
    "deliver": ["predictions"],
}
CARRIERS = {"UA": 0.18, "B6": 0.165, "EV": 0.15, "DL": 0.148, "AA": 0.1, "MQ": 0.075, "US": 0.06, "9E": 0.05}
SETTINGS = {
    "source": {"query": "query.sql", "sql": "SELECT *\nFROM flights\nWHERE distance < 5000"},
    "label": {"column": "late"},
    "features": {
        "numeric": {"distance": {}, "temp": {}, "wind_speed": {}},
        "categorical": {"carrier": {}, "origin": {}},
    },
    "evaluation": {"threshold": 0.35, "min_slice_rows": 200},
    "places": {"registry": "file://output/registry"},
}


class Sample:
    """A run folder under construction; `fill` writes what its stages left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = np.random.default_rng(17)
        self.manifest: dict[str, Any] = {
            "run_id": folder.name,
            "pipeline": "training",
            "name": "flights",
            "question": "Will a flight from New York arrive 15 minutes late or more?",
            "environment": "local",
            "state": "done",
            "command": "python -m pipelines run flights",
            "started_at": 1_793_700_000.0,
            "finished_at": 1_793_700_104.2,
            "seconds": 104.2,
            "settings": SETTINGS,
            "versions": {"tensorflow": "2.21.0", "kfp": "2.17.0", "duckdb": "2.0.0"},
            "commit": "8ca785a0b3c1d2e3f4a5b6c7d8e9f00112233445+",
            "machine": {"platform": "Linux-6.1-x86_64", "python": "3.11.7"},
            "stages": [],
        }

    def path(self, artifact: str) -> Path:
        """The folder of an artifact."""
        path = self.folder / "kfp" / artifact
        path.mkdir(parents=True, exist_ok=True)
        return path

    def json(self, artifact: str, name: str, content: Any) -> None:
        """Write a file of an artifact."""
        (self.path(artifact) / name).write_text(json.dumps(content))

    def ran(self, stage: str, seconds: float, summary: Mapping[str, Any], **more: Any) -> None:
        """Add the record of a stage."""
        record = {
            "stage": stage,
            "state": "done",
            "started_at": 1_793_700_000.0 + 10 * len(self.manifest["stages"]),
            "parameters": {"code": f"{stage:x<32}", "settings": "{}"},
            "inputs": {name: {"path": str(self.path(name))} for name in READS.get(stage, ())},
            "outputs": {
                name: {"path": str(self.path(name)), "digest": f"{name:0<32}"} for name in STAGES[stage]
            },
            "seconds": {"start-up": 0.4, "import": seconds * 0.3, "work": seconds * 0.7},
            "peak_memory_mib": 300 + 20 * seconds,
            "summary": dict(summary),
            "cached": False,
        }
        self.manifest["stages"].append({**record, **more})

    def fails(self, stage: str, message: str = "split 'eval': expected rows, got none") -> None:
        """The run ends here."""
        error = {"kind": "EmptySplitError", "message": message, "expected": True}
        self.ran(stage, 2.0, {}, state="failed", error=error)
        self.manifest["state"] = "failed"

    # --- what the stages leave ---

    def resolve(self) -> None:
        """A source and a champion."""
        self.ran("resolve", 0.6, {"source": "ab12" * 8, "champion": "3"})

    def ingest(self) -> None:
        """The counts of the rows."""
        excluded = {"cancelled": 8255, "diverted": 1175}
        columns = {"late": "int64", "distance": "int64", "temp": "double", "carrier": "string"}
        content = {
            "splits": {name: {"rows": rows, "shards": rows // 50_000 + 1} for name, rows in ROWS.items()},
            "source_rows": sum(ROWS.values()) + sum(excluded.values()),
            "excluded": excluded,
            "columns": columns,
        }
        self.json("rows", "rows.json", content)
        self.ran("ingest", 4.2, {"rows": sum(ROWS.values()), "excluded": 9430})

    def validate(self) -> None:
        """Statistics of all splits, and findings."""
        list_ = statistics_pb2.DatasetFeatureStatisticsList()
        for index, split in enumerate(ROWS):
            dataset = list_.datasets.add(name=split, num_examples=ROWS[split])
            rate = (0.264, 0.157, 0.258)[index]
            _categorical(dataset, "late", {"0": 1 - rate, "1": rate})
            _numeric(dataset, "distance", self.random.gamma(3, 350, 4000))
            _numeric(dataset, "temp", self.random.normal(60 - 9 * index, 15, 4000), missing=0.005)
            _numeric(dataset, "wind_speed", np.append(self.random.gamma(3.5, 3, 4000), 1048.0), missing=0.03)
            moved = np.roll([*CARRIERS.values()], index)
            _categorical(dataset, "carrier", dict(zip(CARRIERS, moved, strict=True)))
            _categorical(dataset, "origin", {"EWR": 0.36, "JFK": 0.33, "LGA": 0.31})
        (self.path("statistics") / "statistics.pb").write_bytes(list_.SerializeToString())
        finding = {
            "severity": "warning", "kind": "skew", "column": "temp", "split": "test",
            "expected": "a Jensen-Shannon divergence of at most 0.3", "got": "0.38",
            "value": 0.38, "limit": 0.3,
        }  # fmt: skip
        measured = [
            ("temp", "skew", "test", "js", 0.38, 0.3),
            ("carrier", "skew", "eval", "linf", 0.08, 0.3),
            ("carrier", "drift", "train", "linf", 0.0, 0.2),
        ]
        names = ("column", "kind", "split", "measure", "value", "limit")
        distances = [dict(zip(names, each, strict=True)) for each in measured]
        content = {"rows": ROWS, "findings": [finding], "distances": distances}
        self.json("statistics", "findings.json", content)
        self.ran("validate", 3.1, {"findings": 1, "errors": 0})

    def transform(self) -> None:
        """The counts of the examples."""
        splits = {
            name: {"in": ROWS[name], "out": ROWS[name] - 2, "rejected": 2} for name in ("train", "eval")
        }
        self.json("examples", "examples.json", {"splits": splits, "rejected": {"a string of 10 MB": 4}})
        self.ran("transform", 31.0, {"examples": 273_342, "rejected": 4})

    def train(self) -> None:
        """A history of six epochs."""
        epochs = [
            {
                "epoch": n, "loss": 0.56 - 0.012 * n, "auc": 0.64 + 0.015 * n,
                "eval_loss": 0.43 - 0.004 * n + 0.001 * n * n,
                "eval_auc": 0.67 + 0.012 * n - 0.0012 * n * n, "learning_rate": 1e-3 * np.cos(n / 5) ** 2,
                "seconds": 1.9, "examples_per_second": 114_000,
            }
            for n in range(1, 7)
        ]  # fmt: skip
        self.json("training_log", "history.json", {"epochs": epochs, "best_epoch": 5, "stopped_early": True})
        self.ran("train", 22.0, {"parameters": 181_001, "eval_auc": 0.701})

    def evaluate(self, decision: str = "deploy", champion: bool = True) -> None:
        """Metrics, curves and a verdict."""
        metrics = {
            "rows": 54_000, "positives": 13_946, "threshold": 0.35,
            "candidate": _measured(0.7031, 0.0), "champion": _measured(0.6993, -0.004) if champion else None,
            "champion_version": "3" if champion else None,
        }  # fmt: skip
        self.json("evaluation", "metrics.json", metrics)
        curves = {"candidate": _curve(1.36), "champion": _curve(1.32) if champion else None}
        self.json("evaluation", "curves.json", curves)
        passed = decision == "deploy"
        reasons = [
            {
                "gate": "floor", "metric": "auc", "slice": None, "passed": True, "value": 0.7031,
                "limit": 0.65,
                "sentence": "AUC 0.7031 is at least the floor 0.65",
            },
            {
                "gate": "slice floor", "metric": "auc", "slice": {"carrier": "US"}, "passed": passed,
                "value": 0.6611, "limit": 0.5 if passed else 0.67, "sentence": "AUC 0.6611 of carrier=US",
            },
        ]  # fmt: skip
        self.json("evaluation", "verdict.json", {"decision": decision, "reasons": reasons})
        self.ran("evaluate", 38.0, {"decision": decision, "auc": 0.7031})

    def deploy(self) -> None:
        """A version that serves."""
        content = {
            "version": 4, "action": "deployed", "endpoint": {"traffic": {"3": 90, "4": 10}},
            "aliases": {"champion": 3, "challenger": 4},
            "golden": {"rows": 64, "max_difference": 3e-8}, "reasons": [],
        }  # fmt: skip
        self.json("deployment", "deployment.json", content)
        self.ran("deploy", 6.0, {"version": 4})

    def reject(self) -> None:
        """What the other branch of the gate leaves."""
        content: dict[str, Any] = {"version": None, "action": "rejected", "endpoint": {"traffic": {}}}
        content |= {"aliases": {}, "golden": None, "reasons": ["AUC 0.6611 of carrier=US"]}
        self.json("deployment", "deployment.json", content)
        self.ran("reject", 0.5, {"action": "rejected"})

    def write(self) -> str:
        """Write the report; its text."""
        return write(self.folder, self.manifest).read_text()


def _numeric(dataset: Any, name: str, values: Any, missing: float = 0.0) -> None:
    feature = dataset.features.add(name=name, type=statistics_pb2.FeatureNameStatistics.FLOAT)
    numbers = feature.num_stats
    numbers.common_stats.num_missing = round(dataset.num_examples * missing)
    numbers.common_stats.num_non_missing = dataset.num_examples - numbers.common_stats.num_missing
    numbers.mean, numbers.std_dev = float(values.mean()), float(values.std())
    numbers.min, numbers.median, numbers.max = map(float, np.quantile(values, [0, 0.5, 1]))
    first, last = np.quantile(values, [0.01, 0.99])
    body = np.linspace(first, last, 21)
    counts, edges = np.histogram(values, bins=[values.min(), *body, values.max()])
    histogram = numbers.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    for (low, high), rows in zip(itertools.pairwise(edges), counts, strict=True):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=rows)


def _categorical(dataset: Any, name: str, shares: Mapping[str, float]) -> None:
    feature = dataset.features.add(name=name, type=statistics_pb2.FeatureNameStatistics.STRING)
    strings = feature.string_stats
    strings.common_stats.num_non_missing = dataset.num_examples
    strings.unique = len(shares)
    for rank, (value, share) in enumerate(sorted(shares.items(), key=lambda each: -each[1])):
        rows = share * dataset.num_examples
        strings.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=value, sample_count=rows)


def _metrics(auc: float | None, rows: int, positives: int) -> dict[str, Any]:
    return {
        "rows": rows, "positives": positives, "auc": auc, "pr_auc": auc and auc - 0.25, "precision": 0.41,
        "recall": 0.62, "log_loss": 0.5311, "calibration": 0.981,
    }  # fmt: skip


def _measured(auc: float, shift: float) -> dict[str, Any]:
    slices = [
        {
            "slice": {"carrier": name},
            **_metrics(auc - 0.06 + 0.3 * share, round(54_000 * share), round(14_000 * share)),
        }
        for name, share in CARRIERS.items()
    ]
    slices += [
        {"slice": {"origin": name}, **_metrics(auc + gain + shift, 18_000, 4600)}
        for name, gain in {"EWR": -0.02, "JFK": 0.012, "LGA": 0.004}.items()
    ]
    slices.append({"slice": {"carrier": "HA"}, **_metrics(0.4831, 61, 20)})
    slices.append({"slice": {"carrier": "OO"}, **_metrics(None, 5, 0)})
    return {"overall": _metrics(auc, 54_000, 13_946), "slices": slices}


def _curve(power: float) -> dict[str, Any]:
    grid = [step / 199 for step in range(200)]
    return {
        "roc": [{"fpr": x, "tpr": 1 - (1 - x) ** power, "threshold": 1 - x} for x in grid],
        "pr": [{"recall": x, "precision": 0.26 + 0.45 * (1 - x) ** 2, "threshold": 1 - x} for x in grid],
        "calibration": [
            {"predicted": x * 0.8, "observed": x * 0.74 + 0.01, "rows": 2700} for x in grid[5::10]
        ],
    }


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """An empty run."""
    folder = tmp_path / "output" / "runs" / "flights-20261103-140000-ab12"
    (folder / "stages").mkdir(parents=True)
    return Sample(folder)


@pytest.fixture
def until(sample: Sample) -> Callable[[str], Sample]:
    """A run whose stages ran up to and including the named one."""

    def filled(last: str) -> Sample:
        for stage in STAGES:
            getattr(sample, stage)()
            if stage == last:
                return sample
        raise AssertionError(last)

    return filled
