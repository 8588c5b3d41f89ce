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

variable "github_tags" {
  description = "Tags that begin so may deliver too; null: none."
  type        = string
}

variable "github_environment" {
  description = "Only jobs of this GitHub environment, whose reviewers GitHub asks first; null: any job."
  type        = string
}

variable "cloudbuild_repository" {
  description = "projects/…/connections/…/repositories/…, connected by hand once; null: no Cloud Build triggers."
  type        = string
}

variable "branch" {
  description = "What is pushed here is delivered."
  type        = string
}

variable "triggers" {
  description = "Which of the triggers this project has."
  type        = set(string)
}
