variable "project" {
  description = "The project's id."
  type        = string
}

variable "project_number" {
  description = "The project's number: the budget counts by it."
  type        = string
}

variable "environment" {
  description = "Its name, for titles."
  type        = string
}

variable "emails" {
  description = "Who hears of it."
  type        = set(string)
}

variable "error_percent" {
  description = "The share of the endpoint's answers that may be its own errors (5xx), over five minutes."
  type        = number
}

variable "latency_ms" {
  description = "The slowest hundredth of predictions may take so long, over five minutes."
  type        = number
}

variable "dead_letters" {
  description = "The subscription in which undelivered messages wait."
  type        = string
}

variable "logs_bucket" {
  description = "Audit logs go there."
  type        = string
}

variable "logs_dataset" {
  description = "Warnings and errors of runs go there, to be queried."
  type        = string
}

variable "budget" {
  description = "By the month, in the currency of the billing account; null: none is watched."
  type = object({
    billing_account = string
    amount          = number
    thresholds      = list(number)
  })
}
