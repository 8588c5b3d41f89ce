output "backend" {
  description = "What terraform init needs in infra/."
  value       = "-backend-config=bucket=${google_storage_bucket.state.name} -backend-config=prefix=${var.environment}"
}
