# The APIs, and Google's own accounts by which they work in the project.

resource "google_project_service" "this" {
  for_each = var.apis

  project            = var.project
  service            = each.key
  disable_on_destroy = false # others in the project may use it, and to disable one breaks what is still deleted by it
}

# A grant to an agent that is not there yet is rejected; most agents are made on first use only.
resource "google_project_service_identity" "this" {
  for_each = var.agents
  provider = google-beta

  project = var.project
  service = google_project_service.this[each.key].service
}
