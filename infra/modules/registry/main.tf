# Docker images, and what becomes of old ones.

resource "google_artifact_registry_repository" "this" {
  for_each = var.repositories

  project       = var.project
  location      = var.region
  repository_id = each.key
  format        = "DOCKER"
  description   = each.value.description
  kms_key_name  = var.key

  docker_config {
    immutable_tags = each.value.immutable_tags
  }

  # KEEP wins over DELETE: releases stay, because models in the registry name their images by digest for good.
  cleanup_policies {
    id     = "keep-releases"
    action = "KEEP"
    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["v"]
    }
  }

  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.keep_versions
    }
  }

  cleanup_policies {
    id     = "delete-untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "${var.untagged_days * 86400}s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = var.grants

  project    = var.project
  location   = var.region
  repository = google_artifact_registry_repository.this[each.value.repository].repository_id
  role       = each.value.role
  member     = each.value.member
}
