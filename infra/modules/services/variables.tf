variable "project" {
  description = "The project's id."
  type        = string
}

variable "apis" {
  description = "The APIs to enable."
  type        = set(string)
}

variable "agents" {
  description = "The APIs whose service agents must be there before anything is granted to them."
  type        = set(string)
}
