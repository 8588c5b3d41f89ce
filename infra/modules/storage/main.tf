# The pipeline's bucket, and the one that logs go to. IAM alone opens them, and never to the public.

locals {
  temporary = ["dataflow/temp/", "dataflow/staging/"] # configs/dataflow.py
  runs      = ["runs/"]                               # places.root of the environments
}

resource "google_storage_bucket" "pipeline" {
  name                        = var.bucket
  project                     = var.project
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.delete_contents

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 86400
  }

  logging {
    log_bucket        = google_storage_bucket.logs.name
    log_object_prefix = "access"
  }

  dynamic "encryption" {
    for_each = var.key == null ? [] : [var.key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.temporary_days
      matches_prefix = local.temporary
      with_state     = "LIVE"
    }
  }

  # Versions of what was temporary anyway would cost as much as the data of the runs.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 1
      matches_prefix             = local.temporary
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.noncurrent_days
    }
  }

  lifecycle_rule {
    action {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }
    condition {
      age                   = var.nearline_days
      matches_prefix        = local.runs
      matches_storage_class = ["STANDARD"]
      with_state            = "LIVE"
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }
}

resource "google_storage_bucket" "logs" {
  #checkov:skip=CKV_GCP_62: it holds the access logs; logging its own access would never end
  name                        = var.logs_bucket
  project                     = var.project
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.delete_contents

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 86400
  }

  dynamic "encryption" {
    for_each = var.key == null ? [] : [var.key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age        = var.logs_days
      with_state = "ANY"
    }
  }
}

# Cloud Storage writes access logs as this group.
resource "google_storage_bucket_iam_member" "access_logs" {
  bucket = google_storage_bucket.logs.name
  role   = "roles/storage.objectCreator"
  member = "group:cloud-storage-analytics@google.com"
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = var.grants

  bucket = google_storage_bucket.pipeline.name
  role   = each.value.role
  member = each.value.member

  dynamic "condition" {
    for_each = each.value.folder == null ? [] : [each.value.folder]
    content {
      title       = "only-${condition.value}"
      description = "Objects below ${condition.value}/"
      expression  = "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.pipeline.name}/objects/${condition.value}/\")"
    }
  }
}
