output "datasets" {
  description = "Names of the datasets."
  value       = { for name, each in google_bigquery_dataset.this : name => each.dataset_id }
}
