variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where runs are tracked: where they run."
  type        = string
}

variable "key" {
  description = "The KMS key that encrypts lineage and curves; null: Google's."
  type        = string
}

variable "tensorboard" {
  description = "Whether there is a TensorBoard instance; it costs by what is written to it."
  type        = bool
}
