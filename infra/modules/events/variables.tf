variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the function runs and messages are kept."
  type        = string
}

variable "topic" {
  description = "A message on it starts a run."
  type        = string
}

variable "function" {
  description = "The function's name."
  type        = string
}

variable "source_archive" {
  description = "The function's source, a ZIP file."
  type        = string

  validation {
    condition     = fileexists(var.source_archive)
    error_message = "source_archive '${var.source_archive}' is not there: expected the function's source, made by: python infra/trigger/package.py"
  }
}

variable "bucket" {
  description = "Keeps the source, and the published pipelines below pipelines/."
  type        = string
}

variable "repository" {
  description = "projects/…/repositories/…: keeps the function's image."
  type        = string
}

variable "build_account" {
  description = "E-mail of the account that builds the function."
  type        = string
}

variable "run_account" {
  description = "E-mail of the account that the function runs as."
  type        = string
}

variable "push_account" {
  description = "E-mail of the account by which Pub/Sub calls the function."
  type        = string
}

variable "pubsub_agent" {
  description = "The member that is Pub/Sub's service agent: it moves what fails to the dead letters."
  type        = string
}

variable "publishers" {
  description = "By name: the members that may start runs by a message."
  type        = map(string)
}

variable "key" {
  description = "The KMS key that encrypts messages and function; null: Google's."
  type        = string
}

variable "max_delivery_attempts" {
  description = "After so many a message becomes a dead letter."
  type        = number
}

variable "schedules" {
  description = "By use case: when it is trained by itself."
  type = map(object({
    cron      = string
    time_zone = string
    paused    = bool
  }))
}
