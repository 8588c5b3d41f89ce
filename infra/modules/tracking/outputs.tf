output "tensorboard" {
  description = "As cloud.tracking.tensorboard wants it: Vertex AI chooses the number in it; null: none."
  value       = one(google_vertex_ai_tensorboard.this[*].name)
}
