output "emails" {
  description = "By name, once the accounts are there and may do what they may."
  value = {
    for name, each in google_service_account.this : name => "${each.account_id}@${each.project}.iam.gserviceaccount.com"
  }
  depends_on = [google_project_iam_member.this, google_service_account_iam_member.this]
}

output "members" {
  description = "By name, as IAM wants them, once the accounts are there."
  value       = local.members
}
