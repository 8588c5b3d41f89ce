"""A stage's process takes the place of the shell that KFP starts it by."""

import pytest

from components.shared.stage import kfp
from components.shared.vendor_seams import without_shell


def nothing() -> None:
    """A stage without work."""


def test_python_takes_the_place_of_the_shell() -> None:
    container = kfp.component(nothing).component_spec.implementation.container
    shell, flag, script, source = container.command
    assert (shell, flag) == ("sh", "-ec")
    assert script.splitlines()[-1].startswith("exec env _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main ")
    assert "def nothing()" in source


def test_another_way_of_starting_is_noticed() -> None:
    with pytest.raises(
        RuntimeError, match=r"kfp starts a component by \['sh', '-ec', .*: see `without_shell`"
    ):
        without_shell(["sh", "-ec", "\npython3 -m kfp.dsl.executor_main", "def nothing(): ..."])
