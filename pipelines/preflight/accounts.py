"""Service accounts and Google's service agents: there, and with the roles that their part of the run needs.

Roles are read from the policies of the project, the bucket and the accounts (datasets have datasets.py, the
images' repository has images.py). Who is in a group is not read, and a custom role is not opened: what may
come through one of them is told as unknown, not as missing. A role granted on the folder or the organization
is in none of these policies and is told as missing.
"""

from collections.abc import Iterator

from pipelines.preflight.desk import IAM, POLICY, Desk, Finding, command, judged, roles_by_member
from pipelines.preflight.google import Refused
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


def there(desk: Desk) -> Iterator[Finding]:
    """Each service account exists and is not disabled."""
    for role, account in desk.cloud.identities:
        name = f"service account of {role}"
        if not account:
            yield Finding(
                name, "unknown", "none is named: the project's default one is taken; set cloud.identities"
            )
            continue
        try:
            told = desk.google.get(IAM, _path(account))
        except Refused as refused:
            if refused.status != 404:
                raise
            yield Finding(name, "missing", f"no {account}", (_create(account),))
            continue
        if told.get("disabled"):
            enable = command("gcloud iam service-accounts enable", account, project=_project_of(account))
            yield Finding(name, "missing", f"{account} is disabled", (enable,))
        else:
            yield Finding(name, "ready", account)


def act_as(desk: Desk) -> Iterator[Finding]:
    """The caller may let runs be made as the pipeline's account."""
    account = desk.cloud.identities.pipeline
    if not account:
        return
    name, who = "acting as the pipeline", desk.google.caller
    try:
        told = desk.google.post(IAM, f"{_path(account)}:testIamPermissions", {"permissions": [_ACT_AS]})
    except Refused as refused:
        if refused.status != 404:
            raise
        yield Finding(name, "missing", f"no {account}", (_create(account),))
        return
    if _ACT_AS in told.get("permissions", []):
        yield Finding(name, "ready", f"{who} may act as {account}")
    else:
        yield Finding(name, "missing", f"{who} may not act as {account}", (_let_act(account, who),))


def roles(desk: Desk) -> Iterator[Finding]:
    """Each service account has its roles."""
    for role, account in desk.cloud.identities:
        if not account:
            continue
        member = f"serviceAccount:{account}"
        held = desk.policy.get(member, set()) | desk.bucket_policy.get(member, set())
        wanted = tuple(each for where, each in SMALLEST[role] if where in ("project", "bucket"))
        missing = [*lacking(wanted, held), *_curves(desk, role, held)]
        mend = tuple(_give(desk, member, each) for each in missing)
        yield judged(f"roles of {role}", missing, held, mend, _in_groups(desk, missing))


def _curves(desk: Desk, role: str, held: set[str]) -> list[str]:
    """What the training job lacks to write to the TensorBoard, if there is one."""
    writer = f"projects/{desk.project}/roles/{CURVE_WRITER}"
    if role != "trainer" or not desk.cloud.tracking.tensorboard or writer in held:
        return []
    return [writer] if lacking(("roles/aiplatform.user",), held) else []


def lending(desk: Desk) -> Iterator[Finding]:
    """The pipeline's account may start workers, training and servers as their accounts."""
    pipeline = desk.cloud.identities.pipeline
    if not pipeline:
        return
    member = f"serviceAccount:{pipeline}"
    of_project = desk.policy.get(member, set())
    for role, account in desk.cloud.identities:
        if role == "pipeline" or not account or account == pipeline:
            continue
        policy = roles_by_member(desk.google.post(IAM, f"{_path(account)}:getIamPolicy", **POLICY))
        held = of_project | policy.get(member, set())
        missing = lacking((_USER,), held)
        yield judged(f"acting as {role}", missing, held, (_let_act(account, member),) if missing else ())


def agents(desk: Desk) -> Iterator[Finding]:
    """Google's own accounts, by which its services work in the project, have their roles."""
    for api, pattern, role in _AGENTS:
        agent = pattern.format(number=desk.number)
        name = f"service agent of {api.partition('.')[0]}"
        if role in desk.policy.get(f"serviceAccount:{agent}", set()):
            yield Finding(name, "ready", agent)
            continue
        create = command("gcloud beta services identity create", service=api, project=desk.project)
        mend = (create, desk.grant(f"serviceAccount:{agent}", role))
        yield Finding(name, "missing", f"{agent} has no {role}", mend)


def _in_groups(desk: Desk, missing: list[str]) -> list[str]:
    """The groups by whose membership an account would have every role that it seems to lack, as a doubt."""
    policies = (desk.policy, desk.bucket_policy)
    groups = {member for policy in policies for member in policy if member.startswith("group:")}
    held = {group: set().union(*(policy.get(group, set()) for policy in policies)) for group in groups}
    able = sorted(group for group, roles in held.items() if not lacking(tuple(missing), roles))
    return [f"is in {', '.join(able)}"] if able else []


def _give(desk: Desk, member: str, role: str) -> str:
    """Storage by the bucket, the rest by the project."""
    if not role.startswith("roles/storage."):
        return desk.grant(member, role)
    words = "gcloud storage buckets add-iam-policy-binding"
    return command(words, f"gs://{desk.cloud.bucket}", member=member, role=role)


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
