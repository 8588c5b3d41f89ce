output "topic" {
  description = "A message {\"use_case\": NAME} on it starts a run."
  value       = google_pubsub_topic.runs.name
}

output "dead_letters" {
  description = "The subscription in which undelivered messages wait."
  value       = google_pubsub_subscription.dead_letters.name
}

output "function" {
  description = "The function's name."
  value       = google_cloudfunctions2_function.trigger.name
}
