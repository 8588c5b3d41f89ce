output "names" {
  description = "By short name: projects/…/cryptoKeys/…, once their users may use them."
  value       = { for name, each in google_kms_crypto_key.this : name => "${each.key_ring}/cryptoKeys/${each.name}" }
  depends_on  = [google_kms_crypto_key_iam_member.users]
}
