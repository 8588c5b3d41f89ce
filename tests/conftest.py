"""What the process of all tests needs: Ctrl-C, call stacks that cost little, two workers, `--fast`."""

import gc
import inspect
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests import fast


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fast`."""
    parser.addoption("--fast", action="store_true", help="only the tests that need no TensorFlow")


def pytest_configure(config: pytest.Config) -> None:
    """Let tests interrupt this process, and let KFP compile in a third of the time less."""
    if config.option.fast:
        config.pluginmanager.register(fast.Fast())
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # KFP asks for the stack at every setting of a task, to name its caller. The source lines of the frames,
    # which it does not use, take 0.1 s below pytest, with 8,000 modules loaded.
    inspect.stack.__defaults__ = (0,)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while the frameworks are imported, an eighth of the time; nor from them later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n 2`: hand out tests by what they share, those that take long first."""
    from tests.scheduling import SharedFixtures

    return SharedFixtures(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n 2`, in a worker: the longest first."""
    if hasattr(config, "workerinput"):
        from tests.scheduling import longest_first

        longest_first(items)
