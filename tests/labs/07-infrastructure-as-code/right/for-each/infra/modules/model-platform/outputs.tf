output "model_bucket" {
  description = "Name of the bucket that models are published to."
  value       = local.bucket.bucket
}

output "registry_url" {
  description = "Where images of the service are pushed to."
  value       = aws_ecr_repository.service.repository_url
}

output "live_version_parameter" {
  description = "Name of the parameter that says which model version is live."
  value       = aws_ssm_parameter.live_version.name
}

output "retraining_queue_url" {
  description = "Where retraining requests are sent to."
  value       = aws_sqs_queue.retraining.url
}

output "dead_letter_queue_url" {
  description = "Where requests end that failed too often."
  value       = aws_sqs_queue.others["dead_letter"].url
}

output "service_role_arn" {
  description = "The role that the service runs as."
  value       = aws_iam_role.service.arn
}

output "service_environment" {
  description = "Environment variables for the service."
  value = {
    MODEL_BUCKET            = local.bucket.bucket
    MODEL_VERSION_PARAMETER = aws_ssm_parameter.live_version.name
  }
}
