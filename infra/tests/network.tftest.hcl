# Nothing has a public address; egress and ingress are opened by a variable each.

mock_provider "google" {}

variables {
  project       = "my-project-dev"
  region        = "us-central1"
  name          = "pipeline"
  range         = "10.10.0.0/20"
  vertex_range  = null
  nat           = false
  flow_sampling = 0.1
}

run "private_by_default" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = google_compute_subnetwork.workers.private_ip_google_access && length(google_compute_subnetwork.workers.log_config) == 1
    error_message = "workers do not reach Google's APIs, or leave no flow logs"
  }

  assert {
    condition     = length(google_compute_router_nat.this) == 0 && length(google_compute_network_attachment.vertex) == 0
    error_message = "egress is open without a variable that says so"
  }

  assert {
    condition     = google_compute_firewall.dataflow.source_tags == toset(["dataflow"]) && google_compute_firewall.dataflow.source_ranges == null
    error_message = "others than Dataflow's workers get in"
  }
}

run "opened_when_asked" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat          = true
    vertex_range = "10.10.16.0/24"
  }

  assert {
    condition     = length(google_compute_router_nat.this) == 1 && google_compute_network_attachment.vertex[0].connection_preference == "ACCEPT_MANUAL"
    error_message = "nat and vertex_range open nothing"
  }
}
