# Where runs are compared: ML Metadata and, where wanted, TensorBoard.

# Only with a key of our own: Vertex AI makes the store in the first run, and an unencrypted one cannot be encrypted later.
resource "google_vertex_ai_metadata_store" "default" {
  count    = var.key == null ? 0 : 1
  provider = google-beta

  project     = var.project
  region      = var.region
  name        = "default"
  description = "Lineage of the pipeline's runs"

  encryption_spec {
    kms_key_name = var.key
  }
}

resource "google_vertex_ai_tensorboard" "this" {
  count = var.tensorboard ? 1 : 0

  project      = var.project
  region       = var.region
  display_name = "pipeline"
  description  = "The training's curves"

  dynamic "encryption_spec" {
    for_each = var.key == null ? [] : [var.key]
    content {
      kms_key_name = encryption_spec.value
    }
  }
}
