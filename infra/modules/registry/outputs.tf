output "repositories" {
  description = "By name, as an image's name begins: REGION-docker.pkg.dev/PROJECT/REPOSITORY."
  value = {
    for name, each in google_artifact_registry_repository.this :
    name => "${each.location}-docker.pkg.dev/${each.project}/${each.repository_id}"
  }
}

output "ids" {
  description = "By name, as Cloud Functions wants it, once those who write to them may."
  value = {
    for name, each in google_artifact_registry_repository.this :
    name => "projects/${each.project}/locations/${each.location}/repositories/${each.repository_id}"
  }
  depends_on = [google_artifact_registry_repository_iam_member.this]
}
