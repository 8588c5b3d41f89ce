"""Service accounts and Google's service agents: there, and with the roles that their part of the run needs.

Roles are read from the policies of the project, the bucket and the accounts (datasets have datasets.py, the
images' repository has images.py). Who is in a group is not read, and a custom role is not opened: what may
come through one of them is unknown, not missing. A role granted on the folder or the organization is in none
of these policies, and is reported as missing.
"""

from collections.abc import Iterator

from pipelines.preflight.context import (
    IAM,
    POLICY,
    Finding,
    PreflightContext,
    command,
    judged,
    roles_by_member,
)
from pipelines.preflight.google import ApiError
from pipelines.preflight.rights import CURVE_WRITER, SMALLEST, lacking

_DOMAIN = ".iam.gserviceaccount.com"
_ACT_AS = "iam.serviceAccounts.actAs"
_USER = "roles/iam.serviceAccountUser"
_AGENTS = (
    (
        "aiplatform.googleapis.com",
        "service-{number}@gcp-sa-aiplatform.iam.gserviceaccount.com",
        "roles/aiplatform.serviceAgent",
    ),
    (
        "dataflow.googleapis.com",
        "service-{number}@dataflow-service-producer-prod.iam.gserviceaccount.com",
        "roles/dataflow.serviceAgent",
    ),
)


def there(context: PreflightContext) -> Iterator[Finding]:
    """Each service account exists and is not disabled."""
    for role, account in context.cloud.identities:
        name = f"service account of {role}"
        if not account:
            detail = "none is named: the project's default one is taken; set cloud.identities"
            yield Finding(name, "unknown", detail)
            continue
        found = context.google.find(IAM, _path(account))
        if found is None:
            yield Finding(name, "missing", f"no {account}", (_create(account),))
        elif found.get("disabled"):
            enable = command("gcloud iam service-accounts enable", account, project=_project_of(account))
            yield Finding(name, "missing", f"{account} is disabled", (enable,))
        else:
            yield Finding(name, "ready", account)


def act_as(context: PreflightContext) -> list[Finding]:
    """The caller may let runs be made as the pipeline's account."""
    account = context.cloud.identities.pipeline
    if not account:
        return []
    name, who = "acting as the pipeline", context.google.caller
    try:
        answer = context.google.post(IAM, f"{_path(account)}:testIamPermissions", {"permissions": [_ACT_AS]})
    except ApiError as error:
        if error.status != 404:
            raise
        return [Finding(name, "missing", f"no {account}", (_create(account),))]
    if _ACT_AS in answer.get("permissions", []):
        return [Finding(name, "ready", f"{who} may act as {account}")]
    return [Finding(name, "missing", f"{who} may not act as {account}", (_let_act(account, who),))]


def roles(context: PreflightContext) -> Iterator[Finding]:
    """Each service account has its roles."""
    for role, account in context.cloud.identities:
        if not account:
            continue
        member = f"serviceAccount:{account}"
        granted = context.roles_of(member) | context.bucket_policy.get(member, set())
        wanted = tuple(each for where, each in SMALLEST[role] if where in ("project", "bucket"))
        missing = [*lacking(wanted, granted), *_curves(context, role, granted)]
        fix = tuple(_give(context, member, each) for each in missing)
        yield judged(f"roles of {role}", missing, granted, fix, _in_groups(context, missing))


def _curves(context: PreflightContext, role: str, granted: set[str]) -> list[str]:
    """What the training job lacks to write to the TensorBoard, if there is one."""
    writer = f"projects/{context.project}/roles/{CURVE_WRITER}"
    if role != "trainer" or not context.cloud.tracking.tensorboard or writer in granted:
        return []
    return [writer] if lacking(("roles/aiplatform.user",), granted) else []


def lending(context: PreflightContext) -> Iterator[Finding]:
    """The pipeline's account may start workers, training and servers as their accounts."""
    pipeline = context.cloud.identities.pipeline
    if not pipeline:
        return
    member = f"serviceAccount:{pipeline}"
    for role, account in context.cloud.identities:
        if role == "pipeline" or not account or account == pipeline:
            continue
        policy = context.google.post(IAM, f"{_path(account)}:getIamPolicy", **POLICY)
        granted = context.roles_of(member) | roles_by_member(policy).get(member, set())
        missing = lacking((_USER,), granted)
        yield judged(f"acting as {role}", missing, granted, (_let_act(account, member),) if missing else ())


def agents(context: PreflightContext) -> Iterator[Finding]:
    """Google's own accounts, by which its services work in the project, have their roles."""
    for api, pattern, role in _AGENTS:
        agent = pattern.format(number=context.number)
        name = f"service agent of {api.partition('.')[0]}"
        if role in context.roles_of(f"serviceAccount:{agent}"):
            yield Finding(name, "ready", agent)
            continue
        create = command("gcloud beta services identity create", service=api, project=context.project)
        fix = (create, context.grant(f"serviceAccount:{agent}", role))
        yield Finding(name, "missing", f"{agent} has no {role}", fix)


def _in_groups(context: PreflightContext, missing: list[str]) -> list[str]:
    """The groups by whose membership an account would have every role that it seems to lack, as a doubt."""
    policies = (context.policy, context.bucket_policy)
    groups = {member for policy in policies for member in policy if member.startswith("group:")}
    granted = {group: set().union(*(policy.get(group, set()) for policy in policies)) for group in groups}
    able = sorted(group for group, roles in granted.items() if not lacking(tuple(missing), roles))
    return [f"is in {', '.join(able)}"] if able else []


def _give(context: PreflightContext, member: str, role: str) -> str:
    """Storage by the bucket, the rest by the project."""
    give = context.grant_on_bucket if role.startswith("roles/storage.") else context.grant
    return give(member, role)


def _let_act(account: str, member: str) -> str:
    words = "gcloud iam service-accounts add-iam-policy-binding"
    return command(words, account, project=_project_of(account), member=member, role=_USER)


def _create(account: str) -> str:
    name = account.partition("@")[0]
    return command("gcloud iam service-accounts create", name, project=_project_of(account))


def _path(account: str) -> str:
    return f"/v1/projects/{_project_of(account)}/serviceAccounts/{account}"


def _project_of(account: str) -> str:
    """The project that an account's name says; of Google's default ones: any."""
    domain = account.partition("@")[2]
    return domain.removesuffix(_DOMAIN) if domain.endswith(_DOMAIN) else "-"
