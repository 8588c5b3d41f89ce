output "emails" {
  description = "By name, once the accounts are there."
  value = {
    for name, each in google_service_account.this : name => "${each.account_id}@${each.project}.iam.gserviceaccount.com"
  }
}

output "members" {
  description = "By name, as IAM wants them, once the accounts are there."
  value       = local.members
}
