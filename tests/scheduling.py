"""Which tests one worker of pytest-xdist runs together, and which come first."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/contract/control",
    "tests/contract/gs",
    "tests/contract/trigger",
    "tests/contract/whole_cloud",
    "tests/unit/evaluate",
    "tests/unit/flights",
    "tests/unit/prediction",
    "tests/unit/report",
    "tests/unit/serving",
    "tests/unit/transform",
    "tests/unit/validate",
)
"""Folders whose fixtures take seconds to make; elsewhere a file is one piece of work."""

FIRST = (
    "tests/e2e/test_own_data.py",
    "tests/contract/whole_cloud",
    "tests/unit/evaluate",
    "tests/contract/test_vertex_run.py",
    "tests/unit/training/test_train_hosts.py",
    "tests/unit/transform",
    "tests/unit/serving",
    "tests/contract/test_vertex_trials.py",
    "tests/contract/gs",
    "tests/unit/training/test_train_devices.py",
    "tests/unit/training/test_train_resume.py",
    "tests/unit/flights",
    "tests/unit/prediction",
    "tests/contract/test_schedules.py",
    "tests/contract/test_dataflow_stages.py",
    "tests/contract/test_vertex_predict.py",
    "tests/contract/test_vertex_deploy.py",
    "tests/contract/trigger",
)
"""The longest, longest first, so that the workers end at about the same time."""


class SharedFixtures(LoadScopeScheduling):
    """Gives a worker a folder or a file at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of_work(nodeid)

    def schedule(self) -> None:
        """Put the longest first, then give each worker its first pieces."""
        if self.collection is None:
            self.config.option.loadscopereorder = False  # by number of tests
        super().schedule()


def piece_of_work(nodeid: str) -> str:
    """The folder or the file with which a test belongs."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def longest_first(items: list[Any]) -> None:
    """Sort collected tests by their piece of work; the order within a piece stays."""
    order = {piece: place for place, piece in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(piece_of_work(item.nodeid), len(order)))
