variable "project" {
  description = "The project's id."
  type        = string
}

variable "accounts" {
  description = "By name (the part before @): what the account is for."
  type        = map(string)
}

variable "project_grants" {
  description = "By name: who (one of the accounts, or any member) has which role on the project, and under which condition (a CEL expression)."
  type = map(object({
    who       = string
    role      = string
    condition = optional(object({ title = string, expression = string }))
  }))

  validation {
    condition = alltrue([
      for each in values(var.project_grants) :
      !contains(["roles/owner", "roles/editor", "roles/viewer", "roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator"], each.role)
    ])
    error_message = "project_grants: expected no basic role, and no acting as all accounts of the project; e.g. roles/aiplatform.user here, and roles/iam.serviceAccountUser in account_grants."
  }
}

variable "account_grants" {
  description = "By name: who has which role on which of the accounts. Never on the project: that would be all accounts."
  type = map(object({
    who     = string
    role    = string
    account = string
  }))
}

variable "roles" {
  description = "Custom roles, by id: a title and the permissions, where no predefined role is as small."
  type = map(object({
    title       = string
    permissions = set(string)
  }))
}
