"""The key that encrypts what services keep: alive, in the region, and usable by Google's service agents."""

from pipelines.preflight.context import POLICY, Finding, PreflightContext, command, roles_by_member

_KMS = "cloudkms.googleapis.com"
_ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_AGENTS = (
    "service-{number}@gcp-sa-aiplatform.iam.gserviceaccount.com",
    "service-{number}@gs-project-accounts.iam.gserviceaccount.com",
    "service-{number}@compute-system.iam.gserviceaccount.com",
    "service-{number}@dataflow-service-producer-prod.iam.gserviceaccount.com",
    "bq-{number}@bigquery-encryption.iam.gserviceaccount.com",
)
"""Vertex AI, Cloud Storage, Dataflow's disks, Dataflow, BigQuery."""


def key(context: PreflightContext) -> list[Finding]:
    """Nothing where Google's own keys are used."""
    name = context.cloud.kms_key
    if not name:
        return []
    _, project, _, location, _, ring, _, short = name.split("/")
    where = {"project": project, "location": location, "keyring": ring}
    found = context.google.find(_KMS, f"/v1/{name}")
    if found is None:
        create = command("gcloud kms keys create", short, **where, purpose="encryption")
        return [Finding("KMS key", "missing", f"no {name}", (create,))]
    state = found.get("primary", {}).get("state", "without a version")
    if state != "ENABLED":
        version = str(found.get("primary", {}).get("name", "1")).rpartition("/")[2]
        enable = command("gcloud kms keys versions enable", version, **where, key=short)
        return [Finding("KMS key", "missing", f"{short} is {state.lower()}", (enable,))]
    if location != context.cloud.location:
        there = where | {"location": context.cloud.location}
        create = command("gcloud kms keys create", short, **there, purpose="encryption")
        detail = f"{short} lies in {location}, the pipeline runs in {context.cloud.location}"
        return [Finding("KMS key", "missing", detail, (create,))]
    return [Finding("KMS key", "ready", short), _usable(context, name, short, where)]


def _usable(context: PreflightContext, name: str, short: str, where: dict[str, str]) -> Finding:
    granted = roles_by_member(context.google.get(_KMS, f"/v1/{name}:getIamPolicy", **POLICY))
    agents = [f"serviceAccount:{each.format(number=context.number)}" for each in _AGENTS]
    without = [each for each in agents if _ROLE not in granted.get(each, set()) | context.roles_of(each)]
    if not without:
        return Finding("KMS key's users", "ready", f"{len(agents)} service agents")
    words = "gcloud kms keys add-iam-policy-binding"
    fix = tuple(command(words, short, **where, member=each, role=_ROLE) for each in without)
    return Finding("KMS key's users", "missing", f"{len(without)} service agents may not use {short}", fix)
