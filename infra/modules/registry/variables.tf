variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where images lie."
  type        = string
}

variable "repositories" {
  description = "By name: what it holds, and whether a tag may move."
  type = map(object({
    description    = string
    immutable_tags = bool
  }))
}

variable "keep_versions" {
  description = "The newest versions of each image that are never removed."
  type        = number
}

variable "untagged_days" {
  description = "A version without a tag is removed after so many days."
  type        = number
}

variable "key" {
  description = "The KMS key that encrypts the images; null: Google's."
  type        = string
}

variable "grants" {
  description = "By name: who has which role on which repository."
  type = map(object({
    repository = string
    role       = string
    member     = string
  }))
}
