variable "project" {
  description = "The project's id."
  type        = string
}

variable "location" {
  description = "The region of the buckets."
  type        = string
}

variable "bucket" {
  description = "The pipeline's bucket: runs, models, staging."
  type        = string
}

variable "logs_bucket" {
  description = "The bucket for access logs and audit logs."
  type        = string
}

variable "key" {
  description = "The KMS key that encrypts the pipeline's bucket; null: Google's."
  type        = string
}

variable "temporary_days" {
  description = "What Dataflow leaves behind is deleted after so many days."
  type        = number
}

variable "nearline_days" {
  description = "What runs wrote becomes cheaper to keep, and dearer to read, after so many days."
  type        = number
}

variable "noncurrent_days" {
  description = "An overwritten or deleted object can be had back for so many days."
  type        = number
}

variable "soft_delete_days" {
  description = "A deleted version can be restored for so many days; 0, or 7 to 90."
  type        = number
}

variable "logs_days" {
  description = "Logs are deleted after so many days."
  type        = number
}

variable "delete_contents" {
  description = "Whether a destroyed bucket takes its objects along."
  type        = bool
}

variable "grants" {
  description = "By name: who has which role on the pipeline's bucket, and, where not on all of it, below which folder."
  type = map(object({
    role   = string
    member = string
    folder = optional(string)
  }))
}
