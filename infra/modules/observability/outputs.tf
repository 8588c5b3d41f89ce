output "channels" {
  description = "The notification channels."
  value       = local.channels
}
