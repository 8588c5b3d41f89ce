# Customer-managed keys, and the service agents that may use them; no person and no stage can.

resource "google_kms_key_ring" "this" {
  project  = var.project
  name     = var.ring
  location = var.region # never deleted by Google: a second one of this name cannot be made
}

resource "google_kms_crypto_key" "this" {
  #checkov:skip=CKV_GCP_43: the period is a variable, 90 days at most by the root's validation
  for_each = var.keys

  name                       = each.key
  key_ring                   = "projects/${var.project}/locations/${google_kms_key_ring.this.location}/keyRings/${google_kms_key_ring.this.name}"
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${var.rotation_days * 86400}s"
  destroy_scheduled_duration = "${30 * 86400}s" # the days in which a mistake can be taken back

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true # with the key goes everything that it encrypts
  }
}

locals {
  users = merge([
    for key, members in var.keys : {
      for name, member in members : "${key} ${name}" => { key = key, member = member }
    }
  ]...)
}

resource "google_kms_crypto_key_iam_member" "users" {
  for_each = local.users

  crypto_key_id = "${google_kms_crypto_key.this[each.value.key].key_ring}/cryptoKeys/${google_kms_crypto_key.this[each.value.key].name}"
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value.member
}
