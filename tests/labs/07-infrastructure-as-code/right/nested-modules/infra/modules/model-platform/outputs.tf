output "model_bucket" { value = module.storage.name }
output "registry_url" { value = aws_ecr_repository.images.repository_url }
output "live_version_parameter" { value = aws_ssm_parameter.live.name }
output "retraining_queue_url" { value = module.retraining.url }
output "dead_letter_queue_url" { value = module.retraining.dead_url }
output "service_role_arn" { value = module.access.role_arn }
output "service_environment" {
  value = tomap({
    MODEL_BUCKET            = module.storage.name
    MODEL_VERSION_PARAMETER = aws_ssm_parameter.live.name
    AWS_REGION              = "eu-west-1"
  })
}
