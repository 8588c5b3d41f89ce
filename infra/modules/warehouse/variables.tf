variable "project" {
  description = "The project's id."
  type        = string
}

variable "location" {
  description = "Of the datasets: a region, US or EU."
  type        = string
}

variable "datasets" {
  description = "By name: what it holds, after how many hours a table goes, after how many days a partition; null: never."
  type = map(object({
    description    = string
    table_hours    = optional(number)
    partition_days = optional(number)
  }))
}

variable "key" {
  description = "The KMS key that encrypts the tables; null: Google's."
  type        = string
}

variable "delete_contents" {
  description = "Whether a destroyed dataset takes its tables along."
  type        = bool
}

variable "grants" {
  description = "By name: who has which role on which dataset."
  type = map(object({
    dataset = string
    role    = string
    member  = string
  }))
}
