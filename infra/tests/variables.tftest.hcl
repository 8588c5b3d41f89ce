# A wrong value is rejected at plan; that each message names the variable and an example: tests/infra/test_bad_variables.py.

mock_provider "google" {}
mock_provider "google-beta" {}

variables {
  project        = "my-project-dev"
  project_number = "100000000001"
  environment    = "dev"
}

run "three_lines_are_enough" {
  command = plan

  assert {
    condition     = output.bucket == "my-project-dev-pipeline" && output.subnetwork == "regions/us-central1/subnetworks/pipeline"
    error_message = "the defaults name other things than configs/environments/dev.yaml"
  }

  assert {
    condition     = output.kms_key == null && output.network_attachment == null && output.tensorboard == null && output.workload_identity_provider == null
    error_message = "what is off by default is on"
  }
}

run "wrong_places_and_names" {
  command = plan

  variables {
    project        = "My-Project"
    project_number = "my-project-dev"
    environment    = "Development!"
    region         = "us-centrall1"
    labels         = { Team = "ML" }
  }

  expect_failures = [var.project, var.project_number, var.environment, var.region, var.labels]
}

run "wrong_numbers" {
  command = plan

  variables {
    bigquery_location = "EU"
    delete_contents   = ["models"]
    keys              = { rotation_days = 400 }
    network           = { flow_sampling = 10 }
    storage           = { temporary_days = 0 }
    warehouse         = { expire_hours = 0.5 }
    registry          = { keep_versions = 0 }
    events            = { max_delivery_attempts = 3 }
    observability     = { error_percent = 101 }
    budget            = { billing_account = "012345-6789AB-CDEF01", amount = 100, thresholds = [0.5, 0.9, 250] }
    workbench         = { idle_minutes = 5 }
  }

  expect_failures = [
    var.bigquery_location, var.delete_contents, var.keys, var.network, var.storage, var.warehouse, var.registry,
    var.events, var.observability, var.budget, var.workbench,
  ]
}

run "wrong_words" {
  command = plan

  variables {
    keys          = { protection_level = "HARDWARE" }
    network       = { range = "10.10.0.300/20" }
    storage       = { soft_delete_days = 3 }
    warehouse     = { predictions = "batch-predictions" }
    registry      = { readers = ["allUsers"] }
    operators     = ["ada@example.com"]
    events        = { schedules = { flights = { cron = "61 6 * * 1" } } }
    delivery      = { github_repository = "https://github.com/my-organization/my-repository" }
    observability = { emails = ["ml-on-call"] }
    budget        = { billing_account = "my-account", amount = 100 }
    workbench     = { machine_type = "n1-standard-3" }
  }

  expect_failures = [
    var.keys, var.network, var.storage, var.warehouse, var.registry, var.operators, var.events, var.delivery,
    var.observability, var.budget, var.workbench,
  ]
}

run "ranges_that_overlap" {
  command = plan

  variables {
    network  = { range = "10.10.0.0/20", vertex_range = "10.10.8.0/24" }
    events   = { schedules = { flights = { cron = "0 6 * * 1", time_zone = "Zurich" } } }
    delivery = { github_repository = "my-organization/my-repository", github_refs = ["refs/heads/*"] }
  }

  expect_failures = [var.network, var.events, var.delivery]
}

run "a_public_range" {
  command = plan

  variables {
    network   = { range = "34.1.0.0/20" }
    workbench = { machine_type = "g2-standard-4" }
    region    = "us-west2" # has no g2
  }

  expect_failures = [var.network, var.workbench]
}

run "a_range_that_begins_in_its_middle" {
  command = plan

  variables {
    network = { range = "10.10.1.0/20" }
  }

  expect_failures = [var.network]
}

run "ranges_side_by_side_are_fine" {
  command = plan

  variables {
    network = { range = "10.10.0.0/20", vertex_range = "10.10.16.0/24" }
  }

  assert {
    condition     = output.network_attachment == "projects/my-project-dev/regions/us-central1/networkAttachments/pipeline-vertex"
    error_message = "the attachment has another name than configs/cloud.py wants"
  }
}

run "keys_stay_in_their_region" {
  command = plan

  variables {
    customer_managed_keys = true
    bigquery_location     = "US"
  }

  expect_failures = [var.bigquery_location]
}

run "what_is_protected_is_not_deleted" {
  command = plan

  variables {
    protected       = true
    delete_contents = ["bucket"]
  }

  expect_failures = [var.delete_contents]
}
