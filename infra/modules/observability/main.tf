# Who hears of what. Each alert says in its text what to type next.

locals {
  endpoint = "resource.type=\"aiplatform.googleapis.com/Endpoint\""
  channels = [for each in google_monitoring_notification_channel.email : each.id]

  ended  = "resource.type=\"aiplatform.googleapis.com/PipelineJob\" AND jsonPayload.state=(\"PIPELINE_STATE_FAILED\" OR \"PIPELINE_STATE_SUCCEEDED\" OR \"PIPELINE_STATE_CANCELLED\")"
  failed = "resource.type=\"aiplatform.googleapis.com/PipelineJob\" AND jsonPayload.state=\"PIPELINE_STATE_FAILED\""
  # What validate prints for a column that drifted (components/validate/findings.py); a test compares the two.
  drifted = "resource.type=\"ml_job\" AND \"distance from the last accepted run\""

  # One entry is enough; more within the hour are the same news.
  on_logs = {
    run-failed = {
      title    = "A pipeline run failed"
      filter   = local.failed
      severity = "ERROR"
      text     = "python -m pipelines status USE_CASE shows the stage and its cause; python -m pipelines run USE_CASE --env ${var.environment} goes on from what is done."
    }
    data-drifted = {
      title    = "The data drifted"
      filter   = local.drifted
      severity = "WARNING"
      text     = "python -m pipelines report USE_CASE shows each column's distance from the last accepted run. If the data is right, raise its limit in the section validation of use_case.yaml."
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.emails

  project      = var.project
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
}

resource "google_monitoring_alert_policy" "on_logs" {
  for_each = local.on_logs

  project               = var.project
  display_name          = "${each.value.title} (${var.environment})"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title
    condition_matched_log {
      filter = each.value.filter
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content   = each.value.text
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "endpoint_errors" {
  project               = var.project
  display_name          = "The endpoint answers with errors (${var.environment})"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels

  conditions {
    display_name = "More than ${var.error_percent} % of the answers are 5xx"
    condition_threshold {
      filter             = "${local.endpoint} AND metric.type=\"aiplatform.googleapis.com/prediction/online/response_count\" AND metric.labels.response_code=\"5xx\""
      denominator_filter = "${local.endpoint} AND metric.type=\"aiplatform.googleapis.com/prediction/online/response_count\""
      comparison         = "COMPARISON_GT"
      threshold_value    = var.error_percent / 100
      duration           = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.endpoint_id"]
      }

      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.endpoint_id"]
      }
    }
  }

  documentation {
    content   = "python -m pipelines status USE_CASE --env ${var.environment} shows who serves; python -m pipelines rollback USE_CASE --env ${var.environment} gives all traffic to the former champion."
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "endpoint_latency" {
  project               = var.project
  display_name          = "The endpoint is slow (${var.environment})"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "The slowest hundredth takes more than ${var.latency_ms} ms"
    condition_threshold {
      filter          = "${local.endpoint} AND metric.type=\"aiplatform.googleapis.com/prediction/online/prediction_latencies\" AND metric.labels.latency_type=\"total\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.latency_ms
      duration        = "300s" # twice in a row: one slow answer after a quiet night is none

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_PERCENTILE_99"
        group_by_fields      = ["resource.label.endpoint_id"]
      }
    }
  }

  documentation {
    content   = "Look at the replicas on the dashboard: at their limit, raise cloud.prediction.max_replicas in configs/environments/${var.environment}.yaml."
    mime_type = "text/markdown"
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  project               = var.project
  display_name          = "A message could not start a run (${var.environment})"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "Dead letters wait"
    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${var.dead_letters}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content   = "Why: gcloud functions logs read pipeline-trigger. What: gcloud pubsub subscriptions pull ${var.dead_letters} --limit=10. Publish again what should have run."
    mime_type = "text/markdown"
  }
}

resource "google_logging_metric" "runs" {
  project          = var.project
  name             = "pipeline/runs"
  description      = "Pipeline runs that ended, by how"
  filter           = local.ended
  label_extractors = { state = "EXTRACT(jsonPayload.state)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    labels {
      key = "state"
    }
  }
}

resource "google_monitoring_dashboard" "pipeline" {
  project        = var.project
  dashboard_json = jsonencode(local.dashboard)
}

# Audit logs for as long as the bucket keeps them; Cloud Logging's own end after 30 days, or are paid.
resource "google_logging_project_sink" "audit" {
  project                = var.project
  name                   = "pipeline-audit"
  description            = "Who did what"
  destination            = "storage.googleapis.com/${var.logs_bucket}"
  filter                 = "logName:\"cloudaudit.googleapis.com\""
  unique_writer_identity = true
}

resource "google_storage_bucket_iam_member" "audit" {
  bucket = var.logs_bucket
  role   = "roles/storage.objectCreator"
  member = google_logging_project_sink.audit.writer_identity
}

resource "google_logging_project_sink" "runs" {
  project                = var.project
  name                   = "pipeline-runs"
  description            = "Warnings and errors of stages, Dataflow, the function and the server"
  destination            = "bigquery.googleapis.com/projects/${var.project}/datasets/${var.logs_dataset}"
  filter                 = "severity>=WARNING AND resource.type=(\"ml_job\" OR \"dataflow_step\" OR \"cloud_run_revision\" OR \"aiplatform.googleapis.com/PipelineJob\" OR \"aiplatform.googleapis.com/Endpoint\")"
  unique_writer_identity = true

  bigquery_options {
    use_partitioned_tables = true
  }
}

resource "google_bigquery_dataset_iam_member" "runs" {
  project    = var.project
  dataset_id = var.logs_dataset
  role       = "roles/bigquery.dataEditor"
  member     = google_logging_project_sink.runs.writer_identity
}

# It notifies, it does not stop: what a run may cost is rejected before it starts, by cloud.budget_usd.
resource "google_billing_budget" "month" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "pipeline (${var.environment})"

  budget_filter {
    projects        = ["projects/${var.project_number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(floor(var.budget.amount)) # in the billing account's own currency
    }
  }

  dynamic "threshold_rules" {
    for_each = var.budget.thresholds
    content {
      threshold_percent = threshold_rules.value / 100
      spend_basis       = "CURRENT_SPEND"
    }
  }

  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = slice(local.channels, 0, min(5, length(local.channels))) # five at most
  }
}
