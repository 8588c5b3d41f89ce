variable "project" {
  description = "The project's id."
  type        = string
}

variable "project_number" {
  description = "The project's number: the pool's name has it."
  type        = string
}

variable "region" {
  description = "Where builds run."
  type        = string
}

variable "account" {
  description = "E-mail of the account that delivers."
  type        = string
}

variable "github_repository" {
  description = "OWNER/NAME on GitHub, whose workflows may act as the account."
  type        = string
}

variable "github_refs" {
  description = "From these refs only: a fork's pull request, or any branch, is not enough."
  type        = set(string)
}

variable "cloudbuild_repository" {
  description = "projects/…/connections/…/repositories/…, connected by hand once; null: no Cloud Build triggers."
  type        = string
}

variable "branch" {
  description = "What is pushed here is delivered."
  type        = string
}

variable "approval" {
  description = "Whether a person releases each build of the main branch."
  type        = bool
}
