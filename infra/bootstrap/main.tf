resource "google_project_service" "first" {
  for_each = toset([
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
  ])

  project            = var.project
  service            = each.key
  disable_on_destroy = false # others in the project may use it
}

resource "google_storage_bucket" "state" {
  #checkov:skip=CKV_GCP_62: reads of the state are in the audit logs; a bucket for access logs does not exist yet
  name                        = "${var.project}-terraform-state"
  project                     = var.project
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  # A broken state is restored from an older version: keep ten of them, and each for a month.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions         = 10
      days_since_noncurrent_time = 30
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.first]
}
