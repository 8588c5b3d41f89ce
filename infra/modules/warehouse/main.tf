# BigQuery's datasets. The tables are the pipeline's own.

resource "google_bigquery_dataset" "this" {
  for_each = var.datasets

  project                         = var.project
  dataset_id                      = each.key
  location                        = var.location
  description                     = each.value.description
  default_table_expiration_ms     = each.value.table_hours == null ? null : each.value.table_hours * 3600000
  default_partition_expiration_ms = each.value.partition_days == null ? null : each.value.partition_days * 86400000
  delete_contents_on_destroy      = var.delete_contents

  dynamic "default_encryption_configuration" {
    for_each = var.key == null ? [] : [var.key]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

resource "google_bigquery_dataset_iam_member" "this" {
  for_each = var.grants

  project    = var.project
  dataset_id = google_bigquery_dataset.this[each.value.dataset].dataset_id
  role       = each.value.role
  member     = each.value.member
}
