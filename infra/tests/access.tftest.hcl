# Who may do what: accounts without keys, no basic role, actAs on an account only, GitHub by repository and ref.

mock_provider "google" {}

run "an_account_is_granted_what_is_named" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    project        = "my-project-dev"
    accounts       = { pipeline = "Runs the stages", trainer = "Trains" }
    roles          = { pipelineRunStarter = { title = "Start pipeline runs", permissions = ["aiplatform.pipelineJobs.create"] } }
    project_grants = { a = { who = "pipeline", role = "roles/aiplatform.user" }, b = { who = "user:ada@example.com", role = "roles/logging.viewer" } }
    account_grants = { c = { who = "pipeline", role = "roles/iam.serviceAccountUser", account = "trainer" } }
  }

  assert {
    condition = (
      google_project_iam_member.this["a"].member == "serviceAccount:pipeline@my-project-dev.iam.gserviceaccount.com" &&
      google_project_iam_member.this["b"].member == "user:ada@example.com"
    )
    error_message = "the member is another one"
  }

  assert {
    condition     = google_service_account_iam_member.this["c"].service_account_id == "projects/my-project-dev/serviceAccounts/trainer@my-project-dev.iam.gserviceaccount.com"
    error_message = "actAs is not on the account"
  }
}

run "a_basic_role_is_refused" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    project        = "my-project-dev"
    accounts       = { pipeline = "Runs the stages" }
    roles          = {}
    project_grants = { a = { who = "pipeline", role = "roles/editor" } }
    account_grants = {}
  }

  expect_failures = [var.project_grants]
}

run "act_as_on_the_project_is_refused" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    project        = "my-project-dev"
    accounts       = { pipeline = "Runs the stages" }
    roles          = {}
    project_grants = { a = { who = "pipeline", role = "roles/iam.serviceAccountUser" } }
    account_grants = {}
  }

  expect_failures = [var.project_grants]
}

run "github_delivers_from_one_repository_and_ref" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  variables {
    project               = "my-project-prod"
    project_number        = "100000000003"
    region                = "us-central1"
    account               = "delivery@my-project-prod.iam.gserviceaccount.com"
    github_repository     = "my-organization/my-repository"
    github_refs           = ["refs/heads/main"]
    github_tags           = "v"
    github_environment    = "prod"
    cloudbuild_repository = "projects/my-project-prod/locations/us-central1/connections/github/repositories/my-repository"
    branch                = "main"
    triggers              = ["main", "release", "rollback"]
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github.attribute_condition == "assertion.repository == 'my-organization/my-repository' && (assertion.ref in [\"refs/heads/main\"] || assertion.ref.startsWith('refs/tags/v')) && assertion.environment == 'prod'"
    error_message = "GitHub is let in by less than repository, ref and environment"
  }

  assert {
    condition     = google_cloudbuild_trigger.on_event["release"].approval_config[0].approval_required && google_cloudbuild_trigger.by_hand["rollback"].approval_config[0].approval_required
    error_message = "production is reached without a person's word"
  }

  assert {
    condition     = keys(google_cloudbuild_trigger.on_event) == ["main", "release"] && keys(google_cloudbuild_trigger.by_hand) == ["rollback"]
    error_message = "there are other triggers than requested"
  }

  assert {
    condition     = alltrue([for each in merge(google_cloudbuild_trigger.on_event, google_cloudbuild_trigger.by_hand) : endswith(each.service_account, var.account)])
    error_message = "a build runs as another account"
  }
}

run "a_repository_alone_is_not_enough" {
  command = plan

  module {
    source = "./modules/delivery"
  }

  variables {
    project               = "my-project-test"
    project_number        = "100000000002"
    region                = "us-central1"
    account               = "delivery@my-project-test.iam.gserviceaccount.com"
    github_repository     = "my-organization/my-repository"
    github_refs           = ["refs/heads/main"]
    github_tags           = null
    github_environment    = null
    cloudbuild_repository = null
    branch                = "main"
    triggers              = ["main"]
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github.attribute_condition == "assertion.repository == 'my-organization/my-repository' && (assertion.ref in [\"refs/heads/main\"])"
    error_message = "GitHub is let in by less than repository and ref"
  }

  assert {
    condition     = length(google_cloudbuild_trigger.on_event) == 0
    error_message = "a trigger watches no repository"
  }
}
