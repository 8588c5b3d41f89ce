"""What `preflight` does, and the cheap, decisive part of it that `run` makes before it submits."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.text import Text

from components.shared.gcp.endpoints import emulator, stands_in_for_google
from configs.errors import CloudError
from configs.settings import Settings
from pipelines.preflight import accounts, datasets, images, keys, places, project, quotas
from pipelines.preflight.context import Finding, PreflightContext, command
from pipelines.preflight.google import ApiError, Google, NoAnswerError
from pipelines.runners.target import cloud_of
from pipelines.view import open_console

Check = Callable[[PreflightContext], Iterable[Finding]]
LOGIN = "gcloud auth application-default login"
DECISIVE: tuple[Check, ...] = (
    project.apis, project.caller, accounts.act_as, places.bucket, images.images,
)  # fmt: skip
"""What would end a run in its first minute; each makes one or two calls."""
ALL: tuple[Check, ...] = (
    project.billing, project.apis, project.caller,
    accounts.there, accounts.act_as, accounts.roles, accounts.lending, accounts.agents,
    places.bucket, datasets.datasets, datasets.rights, places.subnetwork,
    quotas.vertex, quotas.dataflow, images.images, images.pulling, keys.key,
)  # fmt: skip
_AT_ONCE = 8
_SIGNS = {"ready": ("✓", "green"), "missing": ("✗", "bold red"), "unknown": ("?", "yellow")}


def findings(
    settings: Settings, checks: Sequence[Check] = ALL, *, with_data: bool = True
) -> Iterator[Finding]:
    """Run the checks in parallel; findings come in their order. With data: the use case's tables too.

    Raises:
        SettingsError: The environment is not on Google Cloud.
    """
    cloud = cloud_of(settings)
    context = PreflightContext(settings, cloud, Google(), with_data=with_data)
    logged_in = _log_in(context)
    yield logged_in
    if logged_in.state != "ready":
        return
    project_there = _run_check(project.reachable, context)
    yield from project_there
    if any(each.state != "ready" for each in project_there):
        return  # without the project nothing else can be checked
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(lambda check: _run_check(check, context), checks):
            yield from found


def check(settings: Settings) -> None:
    """Reject a run that would end in its first minute; what is unknown passes.

    Raises:
        CloudError: The first thing that is missing, with the command that fixes it.
    """
    cloud = settings.cloud
    if cloud is None or (stands_in_for_google() and not emulator("googleapis")):
        return
    missing = [each for each in findings(settings, DECISIVE) if each.state == "missing"]
    if not missing:
        return
    first, others = missing[0], len(missing) - 1
    all_of_them = f"python -m pipelines preflight {settings.name} --env {settings.environment}"
    raise CloudError(
        f"{first.name} for {settings.environment}",
        got=first.detail,
        remedy=f"Fix it: {' && '.join(first.fix)}" + (f" ({others} more: {all_of_them})" if others else ""),
    )


def print_findings(settings: Settings, *, with_data: bool) -> bool:
    """Show each finding as it comes; returns whether nothing is missing."""
    cloud, console = cloud_of(settings), open_console()
    console.print(f"[bold]{settings.environment}[/]: project {cloud.project}, {cloud.location}\n")
    missing = 0
    for each in findings(settings, with_data=with_data):
        missing += each.state == "missing"
        sign, style = _SIGNS[each.state]
        console.print(Text.assemble((sign, style), f"  {each.name}  ", (each.detail, "dim")), soft_wrap=True)
        for line in each.fix:
            console.print(Text(f"     {line}"), soft_wrap=True)
    ready = "[green]ready[/]" if not missing else f"[bold red]{missing} to fix[/]"
    console.print(f"\n{ready}; ? could not be checked, and may be right")
    return not missing


def _log_in(context: PreflightContext) -> Finding:
    try:
        return Finding("credentials", "ready", context.google.log_in())
    except NoAnswerError as error:
        return Finding("credentials", "missing", str(error), (LOGIN,))


def _run_check(check: Check, context: PreflightContext) -> list[Finding]:
    """The findings of a check; an error of Google's is one too, of state unknown."""
    found: list[Finding] = []
    name = f"{check.__module__.rpartition('.')[2]}: {check.__name__.replace('_', ' ')}"
    try:
        found.extend(check(context))
    except NoAnswerError as error:
        found.append(Finding(name, "unknown", str(error)))
    except ApiError as error:
        fix = _allow_check(context, error)
        found.append(Finding(name, "unknown", f"{error.status} {error.message}", fix))
    return found


def _allow_check(context: PreflightContext, error: ApiError) -> tuple[str, ...]:
    """The command that lets the caller make the check."""
    if error.api_is_off:
        return (command("gcloud services enable", error.host, project=context.project),)
    if "quota project" in error.message:
        return (command("gcloud auth application-default set-quota-project", context.project),)
    if error.status == 403:
        return (context.grant(context.google.caller, "roles/viewer"),)
    return (LOGIN,) if error.status == 401 else ()
