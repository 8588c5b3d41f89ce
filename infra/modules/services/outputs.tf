output "project" {
  description = "The project's id, once its APIs are enabled and its service agents are there."
  value       = var.project
  depends_on  = [google_project_service.this, google_project_service_identity.this]
}
