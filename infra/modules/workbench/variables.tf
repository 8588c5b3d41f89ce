variable "project" {
  description = "The project's id."
  type        = string
}

variable "zone" {
  description = "Where the instance runs."
  type        = string
}

variable "machine_type" {
  description = "Of Compute Engine."
  type        = string
}

variable "network" {
  description = "The network's name."
  type        = string
}

variable "subnetwork" {
  description = "regions/REGION/subnetworks/NAME."
  type        = string
}

variable "account" {
  description = "E-mail of the account that notebooks act as."
  type        = string
}

variable "owners" {
  description = "E-mail addresses of at most one person who may open it; empty: whoever may act as the account."
  type        = list(string)
}

variable "idle_minutes" {
  description = "It stops itself after so long without a running kernel."
  type        = number
}

variable "key" {
  description = "The KMS key that encrypts the disks; null: Google's."
  type        = string
}
