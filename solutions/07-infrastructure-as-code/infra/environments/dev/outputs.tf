output "model_bucket" {
  value = module.platform.model_bucket
}

output "registry_url" {
  value = module.platform.registry_url
}

output "live_version_parameter" {
  value = module.platform.live_version_parameter
}

output "retraining_queue_url" {
  value = module.platform.retraining_queue_url
}

output "dead_letter_queue_url" {
  value = module.platform.dead_letter_queue_url
}

output "service_role_arn" {
  value = module.platform.service_role_arn
}

output "service_environment" {
  value = module.platform.service_environment
}
