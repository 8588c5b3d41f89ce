variable "project" {
  description = "The project's id."
  type        = string
}

variable "region" {
  description = "Where workers run."
  type        = string
}

variable "name" {
  description = "Of the network and of its subnetwork."
  type        = string
}

variable "range" {
  description = "Addresses of Dataflow's workers and of notebooks; a /20 holds 4,092."
  type        = string
}

variable "vertex_range" {
  description = "Addresses that Vertex AI takes for its Private Service Connect interfaces; null: no such interface."
  type        = string
}

variable "nat" {
  description = "Whether workers without public addresses reach the internet."
  type        = bool
}

variable "flow_sampling" {
  description = "The share of connections that flow logs keep, 0 to 1."
  type        = number
}
