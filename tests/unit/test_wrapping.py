"""A stage's process takes the place of the shell that KFP starts it by."""

import importlib.metadata

import pytest

from components.shared.stage import kfp


def nothing() -> None:
    """A stage without work."""


def test_the_command_was_seen_on_this_version_of_kfp() -> None:
    assert importlib.metadata.version("kfp").startswith(f"{kfp.SEEN_ON}.")


def test_python_takes_the_place_of_the_shell() -> None:
    container = kfp.component(nothing).component_spec.implementation.container
    shell, flag, script, source = container.command
    assert (shell, flag) == ("sh", "-ec")
    assert script.splitlines()[-1].startswith("exec env _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main ")
    assert "def nothing()" in source


def test_another_way_of_starting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kfp, "_BELOW_A_SHELL", "\nas KFP may do it one day ")
    with pytest.raises(
        RuntimeError, match=r"kfp starts 'nothing' by .*: see components/shared/stage/kfp\.py"
    ):
        kfp.component(nothing)
