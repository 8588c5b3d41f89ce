output "name" {
  description = "The instance's name."
  value       = google_workbench_instance.this.name
}
