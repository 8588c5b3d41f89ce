# What configs/environments/ENV.yaml and the builds want to know.

output "bucket" {
  description = "cloud.bucket"
  value       = module.storage.bucket
}

output "identities" {
  description = "cloud.identities, and the accounts that are none of the pipeline's."
  value       = module.identity.emails
}

output "subnetwork" {
  description = "cloud.network.subnetwork"
  value       = module.network.subnetwork
}

output "network_attachment" {
  description = "cloud.network.psc_attachment; null: none."
  value       = module.network.attachment
}

output "kms_key" {
  description = "cloud.kms_key; null: Google's own keys."
  value       = local.data_key
}

output "tensorboard" {
  description = "cloud.tracking.tensorboard; null: none."
  value       = module.tracking.tensorboard
}

output "images" {
  description = "How the names of the pipeline's images begin."
  value       = module.registry.repositories[local.repository]
}

output "topic" {
  description = "A message {\"use_case\": NAME} on it starts a run."
  value       = module.events.topic
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth; null: no delivery from outside."
  value       = one(module.delivery[*].provider)
}
