variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where the keys lie: a service takes a key of its own region only."
  type        = string
}

variable "ring" {
  description = "The key ring's name."
  type        = string
}

variable "keys" {
  description = "By name: the members (service agents) that encrypt and decrypt with the key, each under a name of its own."
  type        = map(map(string))
}

variable "rotation_days" {
  description = "A new version is made after so many days."
  type        = number
}

variable "protection_level" {
  description = "SOFTWARE or HSM."
  type        = string
}
