# What holds data: closed, kept, and emptied only where it is named.

mock_provider "google" {}

run "the_bucket_keeps_what_it_has" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    project          = "my-project-dev"
    location         = "us-central1"
    bucket           = "my-project-dev-pipeline"
    logs_bucket      = "my-project-dev-logs"
    key              = "projects/my-project-dev/locations/us-central1/keyRings/pipeline/cryptoKeys/pipeline"
    temporary_days   = 7
    nearline_days    = 60
    noncurrent_days  = 30
    soft_delete_days = 7
    logs_days        = 90
    delete_contents  = false
    grants           = {}
  }

  assert {
    condition = alltrue([
      for bucket in [google_storage_bucket.pipeline, google_storage_bucket.logs] :
      bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced" && bucket.versioning[0].enabled && !bucket.force_destroy
    ])
    error_message = "a bucket is open, unversioned, or would be emptied"
  }

  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.pipeline, google_storage_bucket.logs] : bucket.encryption[0].default_kms_key_name == var.key])
    error_message = "a bucket is not encrypted with the key"
  }

  assert {
    condition = alltrue([
      for rule in google_storage_bucket.pipeline.lifecycle_rule :
      one(rule.action).type != "Delete" || coalesce(one(rule.condition).days_since_noncurrent_time, 0) > 0 || length(coalesce(one(rule.condition).matches_prefix, [])) > 0
    ])
    error_message = "a lifecycle rule deletes live objects that are not temporary"
  }
}

run "asked_by_name_it_goes_with_its_objects" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    project          = "my-project-dev"
    location         = "us-central1"
    bucket           = "my-project-dev-pipeline"
    logs_bucket      = "my-project-dev-logs"
    key              = null
    temporary_days   = 7
    nearline_days    = 60
    noncurrent_days  = 30
    soft_delete_days = 7
    logs_days        = 90
    delete_contents  = true
    grants           = {}
  }

  assert {
    condition     = google_storage_bucket.pipeline.force_destroy
    error_message = "a bucket with objects cannot be destroyed"
  }
}

run "datasets_keep_their_tables_and_temporary_ones_expire" {
  command = plan

  module {
    source = "./modules/warehouse"
  }

  variables {
    project         = "my-project-dev"
    location        = "us-central1"
    key             = "projects/my-project-dev/locations/us-central1/keyRings/pipeline/cryptoKeys/pipeline"
    delete_contents = false
    grants          = {}
    datasets = {
      flights            = { description = "sources" }
      pipeline_temporary = { description = "temporary", table_hours = 24 }
    }
  }

  assert {
    condition     = alltrue([for each in google_bigquery_dataset.this : !each.delete_contents_on_destroy && each.default_encryption_configuration[0].kms_key_name == var.key])
    error_message = "a dataset would lose its tables, or is not encrypted with the key"
  }

  assert {
    condition     = google_bigquery_dataset.this["pipeline_temporary"].default_table_expiration_ms == 86400000 && google_bigquery_dataset.this["flights"].default_table_expiration_ms == null
    error_message = "temporary tables do not expire after a day, or others do"
  }
}
