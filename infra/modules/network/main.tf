# A network in which nothing has a public address: Google's APIs are reached by Private Google Access.

resource "google_compute_network" "this" {
  project                 = var.project
  name                    = var.name
  auto_create_subnetworks = false
  # The default route to the internet stays: Private Google Access goes over it, without leaving Google's network.
}

resource "google_compute_subnetwork" "workers" {
  project                  = var.project
  name                     = var.name
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.range
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN" # logs are paid by volume
    flow_sampling        = var.flow_sampling
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Dataflow tags its workers so; without the rule a job with more than one worker stands still in its first shuffle.
resource "google_compute_firewall" "dataflow" {
  project     = var.project
  name        = "${var.name}-dataflow"
  network     = google_compute_network.this.name
  description = "Dataflow's workers among themselves"
  direction   = "INGRESS"
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_router" "nat" {
  count = var.nat ? 1 : 0

  project = var.project
  name    = "${var.name}-nat"
  region  = var.region
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  count = var.nat ? 1 : 0

  project                            = var.project
  name                               = "${var.name}-nat"
  region                             = var.region
  router                             = google_compute_router.nat[0].name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.workers.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# Vertex AI's stages and training jobs inside this network (cloud.network.psc_attachment in configs/cloud.py).
resource "google_compute_subnetwork" "vertex" {
  count = var.vertex_range == null ? 0 : 1

  project                  = var.project
  name                     = "${var.name}-vertex"
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.vertex_range
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = var.flow_sampling
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_network_attachment" "vertex" {
  count = var.vertex_range == null ? 0 : 1

  project               = var.project
  name                  = "${var.name}-vertex"
  region                = var.region
  description           = "Vertex AI's Private Service Connect interfaces"
  connection_preference = "ACCEPT_MANUAL"
  subnetworks           = [google_compute_subnetwork.vertex[0].id]

  lifecycle {
    ignore_changes = [producer_accept_lists] # Vertex AI's agent enters its own projects
  }
}
