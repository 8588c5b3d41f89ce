# A service account for each role that something plays; no keys: what runs on Google Cloud needs none.

resource "google_service_account" "this" {
  for_each = var.accounts

  project      = var.project
  account_id   = each.key
  display_name = each.key
  description  = each.value
}

resource "google_project_iam_custom_role" "this" {
  for_each = var.roles

  project     = var.project
  role_id     = each.key
  title       = each.value.title
  permissions = each.value.permissions
}

locals {
  members = {
    for name, each in google_service_account.this :
    name => "serviceAccount:${each.account_id}@${each.project}.iam.gserviceaccount.com"
  }
}

resource "google_project_iam_member" "this" {
  for_each = var.project_grants

  project = var.project
  role    = each.value.role
  member  = lookup(local.members, each.value.who, each.value.who)

  dynamic "condition" {
    for_each = each.value.condition == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }

  depends_on = [google_project_iam_custom_role.this]
}

resource "google_service_account_iam_member" "this" {
  for_each = var.account_grants

  service_account_id = "projects/${var.project}/serviceAccounts/${google_service_account.this[each.value.account].account_id}@${var.project}.iam.gserviceaccount.com"
  role               = each.value.role
  member             = lookup(local.members, each.value.who, each.value.who)
}
