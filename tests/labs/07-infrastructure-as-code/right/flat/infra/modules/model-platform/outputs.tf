output "model_bucket" {
  value = aws_s3_bucket.this.bucket
}

output "registry_url" {
  value = aws_ecr_repository.this.repository_url
}

output "live_version_parameter" {
  value = aws_ssm_parameter.version.name
}

output "retraining_queue_url" {
  value = aws_sqs_queue.work.url
}

output "dead_letter_queue_url" {
  value = aws_sqs_queue.dead.url
}

output "service_role_arn" {
  value = aws_iam_role.service.arn
}

output "service_environment" {
  value = {
    MODEL_BUCKET            = aws_s3_bucket.this.bucket
    MODEL_VERSION_PARAMETER = aws_ssm_parameter.version.name
  }
}
