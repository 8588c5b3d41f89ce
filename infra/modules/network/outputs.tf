output "network" {
  description = "The network's name."
  value       = google_compute_network.this.name
}

output "subnetwork" {
  description = "For Dataflow and notebooks, as cloud.network.subnetwork wants it."
  value       = "regions/${google_compute_subnetwork.workers.region}/subnetworks/${google_compute_subnetwork.workers.name}"
}

output "attachment" {
  description = "For Vertex AI, as cloud.network.psc_attachment wants it; null: none."
  value = one([
    for each in google_compute_network_attachment.vertex :
    "projects/${each.project}/regions/${each.region}/networkAttachments/${each.name}"
  ])
}
