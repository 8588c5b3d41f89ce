variable "project" {
  description = "The project's id."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project '${var.project}': expected a project's id (6 to 30 of a-z, 0-9 and -, a letter first), e.g. my-project-dev."
  }
}

variable "region" {
  description = "Where the state lies."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region '${var.region}': expected a region of Google Cloud, e.g. us-central1."
  }
}

variable "environment" {
  description = "Its name, for labels."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.environment))
    error_message = "environment '${var.environment}': expected a short name in a-z, 0-9 and -, e.g. dev."
  }
}
