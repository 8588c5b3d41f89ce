# From a commit to production: who may deliver without a key, and what starts a build.

resource "google_iam_workload_identity_pool" "github" {
  project                   = var.project
  workload_identity_pool_id = "github" # deleted, it blocks the name for 30 days: make down leaves it
  display_name              = "GitHub Actions"
}

locals {
  from_tags = var.github_tags == null ? "" : "assertion.ref.startsWith('refs/tags/${var.github_tags}')"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  #checkov:skip=CKV_GCP_125: it knows the claim sub only; the condition names repository, refs and environment (infra/tests/access.tftest.hcl)
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }

  # A repository alone would let every branch, and so everybody who may push one, deliver.
  attribute_condition = join(" && ", compact([
    "assertion.repository == '${var.github_repository}'",
    "(${join(" || ", compact(["assertion.ref in ${jsonencode(sort(var.github_refs))}", local.from_tags]))})",
    var.github_environment == null ? "" : "assertion.environment == '${var.github_environment}'",
  ]))

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  service_account_id = "projects/${var.project}/serviceAccounts/${var.account}"
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/projects/${var.project_number}/locations/global/workloadIdentityPools/${google_iam_workload_identity_pool.github.workload_identity_pool_id}/attribute.repository/${var.github_repository}"
}

locals {
  # What each build does stands in its file.
  on_events = {
    checks = {
      description  = "A pull request: lint, types, tests, Terraform"
      file         = "infra/delivery/checks.yaml"
      pull_request = "^${var.branch}$"
      push         = null
      tag          = null
      approval     = false
    }
    main = {
      description  = "A push to ${var.branch}: images, compiled pipelines, a run from end to end"
      file         = "cloudbuild.yaml"
      pull_request = null
      push         = "^${var.branch}$"
      tag          = null
      approval     = false
    }
    release = {
      description  = "A tag: the tested digests to production, once a person has said so"
      file         = "infra/delivery/release.yaml"
      pull_request = null
      push         = null
      tag          = "^v[0-9]+\\.[0-9]+\\.[0-9]+$"
      approval     = true
    }
  }
  by_hand = {
    rollback = { description = "Back to the former champion", file = "infra/delivery/rollback.yaml", approval = true }
    train    = { description = "A run of the published pipeline", file = "infra/delivery/train.yaml", approval = false }
    tools    = { description = "The image that builds run in", file = "infra/delivery/tools.yaml", approval = false }
  }
}

resource "google_cloudbuild_trigger" "on_event" {
  for_each = { for name, each in local.on_events : name => each if var.cloudbuild_repository != null && contains(var.triggers, name) }

  project            = var.project
  location           = var.region
  name               = each.key
  description        = each.value.description
  filename           = each.value.file
  service_account    = "projects/${var.project}/serviceAccounts/${var.account}"
  include_build_logs = "INCLUDE_BUILD_LOGS_WITH_STATUS"

  repository_event_config {
    repository = var.cloudbuild_repository

    dynamic "pull_request" {
      for_each = each.value.pull_request == null ? [] : [each.value.pull_request]
      content {
        branch          = pull_request.value
        comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY" # a stranger's code runs after a look at it
      }
    }

    dynamic "push" {
      for_each = each.value.push == null && each.value.tag == null ? [] : [each.value]
      content {
        branch = push.value.push
        tag    = push.value.tag
      }
    }
  }

  approval_config {
    approval_required = each.value.approval
  }
}

resource "google_cloudbuild_trigger" "by_hand" {
  for_each = { for name, each in local.by_hand : name => each if var.cloudbuild_repository != null && contains(var.triggers, name) }

  project         = var.project
  location        = var.region
  name            = each.key
  description     = each.value.description
  service_account = "projects/${var.project}/serviceAccounts/${var.account}"

  source_to_build {
    repository = var.cloudbuild_repository
    ref        = "refs/heads/${var.branch}"
    repo_type  = "GITHUB"
  }

  git_file_source {
    path       = each.value.file
    repository = var.cloudbuild_repository
    revision   = "refs/heads/${var.branch}"
    repo_type  = "GITHUB"
  }

  approval_config {
    approval_required = each.value.approval
  }
}
