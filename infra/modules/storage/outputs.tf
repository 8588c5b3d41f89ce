output "bucket" {
  description = "The pipeline's bucket, as cloud.bucket wants it."
  value       = google_storage_bucket.pipeline.name
}

output "logs_bucket" {
  description = "The bucket that logs go to."
  value       = google_storage_bucket.logs.name
}
