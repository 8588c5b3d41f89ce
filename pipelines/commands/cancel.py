"""What the command `cancel` does."""

from pathlib import Path

from pipelines import view
from pipelines.runs import find_run


def cancel(run_id: str, root: Path) -> None:
    """Cancel a run on Google Cloud, and what it runs."""
    from pipelines.runners import following

    folder = find_run(root, run_id, None)
    following.cancel(folder)
    view.open_console().print(
        f"{folder.name} is being cancelled:  [bold]python -m pipelines status {folder.name}[/]",
        soft_wrap=True,
    )
