# A message on the topic starts a run; one that cannot be delivered waits with the dead letters for a person.

resource "google_pubsub_topic" "runs" {
  project                    = var.project
  name                       = var.topic
  kms_key_name               = var.key
  message_retention_duration = "604800s"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "dead_letters" {
  project      = var.project
  name         = "${var.topic}-dead-letters"
  kms_key_name = var.key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_subscription" "dead_letters" {
  project                    = var.project
  name                       = google_pubsub_topic.dead_letters.name
  topic                      = google_pubsub_topic.dead_letters.id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # never: else it goes after 31 days without a dead letter, and the alert with it
  }
}

# The hash in the name makes a new source a new object, and so a new deployment; the same source changes nothing.
resource "google_storage_bucket_object" "source" {
  bucket = var.bucket
  name   = "functions/${var.function}-${substr(filesha256(var.source_archive), 0, 16)}.zip"
  source = var.source_archive
}

resource "google_cloudfunctions2_function" "trigger" {
  project      = var.project
  name         = var.function
  location     = var.region
  description  = "Starts the published pipeline that a message names"
  kms_key_name = var.key

  build_config {
    runtime           = "python311"
    entry_point       = "start"
    docker_repository = var.repository
    service_account   = "projects/${var.project}/serviceAccounts/${var.build_account}" # else the default account, an editor

    source {
      storage_source {
        bucket = google_storage_bucket_object.source.bucket
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    available_memory      = "1Gi" # the Vertex AI client alone takes 300 MB
    timeout_seconds       = 300
    min_instance_count    = 0 # costs nothing while no message comes
    max_instance_count    = 3
    ingress_settings      = "ALLOW_INTERNAL_ONLY" # Pub/Sub of this project counts as internal
    service_account_email = var.run_account

    environment_variables = {
      PIPELINES = "gs://${var.bucket}/pipelines"
    }
  }
}

# A function of the second generation is a Cloud Run service of the same name.
resource "google_cloud_run_v2_service_iam_member" "push" {
  project  = var.project
  location = var.region
  name     = google_cloudfunctions2_function.trigger.name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${var.push_account}"
}

# A subscription of our own, not the function's event trigger: the one that Eventarc makes takes no dead-letter topic.
# The path tells the function which topic it serves (functions-framework reads it there).
resource "google_pubsub_subscription" "trigger" {
  project                    = var.project
  name                       = var.function
  topic                      = google_pubsub_topic.runs.id
  ack_deadline_seconds       = 600
  message_retention_duration = "86400s"

  push_config {
    push_endpoint = "${google_cloudfunctions2_function.trigger.service_config[0].uri}/projects/${var.project}/topics/${google_pubsub_topic.runs.name}"

    oidc_token {
      service_account_email = var.push_account
      audience              = google_cloudfunctions2_function.trigger.service_config[0].uri
    }
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = var.max_delivery_attempts
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_cloud_run_v2_service_iam_member.push]
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  project = var.project
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = var.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  project      = var.project
  subscription = google_pubsub_subscription.trigger.name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "publishers" {
  for_each = var.publishers

  project = var.project
  topic   = google_pubsub_topic.runs.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

# Continuous training. Cloud Scheduler publishes as its own service agent.
resource "google_cloud_scheduler_job" "training" {
  for_each = var.schedules

  project     = var.project
  region      = var.region
  name        = "train-${each.key}"
  description = "Trains ${each.key}"
  schedule    = each.value.cron
  time_zone   = each.value.time_zone
  paused      = each.value.paused

  pubsub_target {
    topic_name = "projects/${var.project}/topics/${google_pubsub_topic.runs.name}"
    data       = base64encode(jsonencode({ use_case = each.key }))
  }

  retry_config {
    retry_count = 3
  }
}
