# No cloud is needed here: the mocked provider invents what AWS would answer.
mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::flight-delay-staging-models" }
  }
  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-west-1:123456789012:repository/flight-delay-staging" }
  }
  mock_resource "aws_ssm_parameter" {
    defaults = { arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/flight-delay/staging/model-version" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:flight-delay-staging-any" }
  }
}

variables {
  environment          = "staging"
  owner                = "team@example.com"
  model_retention_days = 45
  retraining_attempts  = 4
}

run "the_platform_is_as_promised" {
  # names carry the environment
  assert {
    condition     = aws_s3_bucket.models.bucket == "flight-delay-staging-models"
    error_message = "bucket: ${aws_s3_bucket.models.bucket}"
  }
  assert {
    condition     = aws_ecr_repository.service.name == "flight-delay-staging"
    error_message = "registry: ${aws_ecr_repository.service.name}"
  }
  assert {
    condition     = aws_ssm_parameter.live_version.name == "/flight-delay/staging/model-version"
    error_message = "parameter: ${aws_ssm_parameter.live_version.name}"
  }
  assert {
    condition     = aws_sqs_queue.retraining.name == "flight-delay-staging-retraining" && aws_sqs_queue.dead_letter.name == "flight-delay-staging-retraining-dead"
    error_message = "queues: ${aws_sqs_queue.retraining.name}, ${aws_sqs_queue.dead_letter.name}"
  }
  assert {
    condition     = aws_iam_role.service.name == "flight-delay-staging-service"
    error_message = "role: ${aws_iam_role.service.name}"
  }

  # everything is tagged
  assert {
    condition = alltrue([
      for tags in [
        aws_s3_bucket.models.tags, aws_ecr_repository.service.tags, aws_ssm_parameter.live_version.tags,
        aws_sqs_queue.retraining.tags, aws_sqs_queue.dead_letter.tags, aws_cloudwatch_metric_alarm.dead_letter.tags,
        aws_iam_role.service.tags,
      ] :
      tags["Project"] == "flight-delay" && tags["Environment"] == "staging" && tags["Owner"] == "team@example.com" && tags["ManagedBy"] == "terraform"
    ])
    error_message = "a tag is missing or wrong somewhere"
  }

  # models are kept safe
  assert {
    condition     = aws_s3_bucket_versioning.models.versioning_configuration[0].status == "Enabled"
    error_message = "versioning is off"
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.models.block_public_acls,
      aws_s3_bucket_public_access_block.models.block_public_policy,
      aws_s3_bucket_public_access_block.models.ignore_public_acls,
      aws_s3_bucket_public_access_block.models.restrict_public_buckets,
    ])
    error_message = "the bucket could be opened to the public"
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.models.rule :
      contains(["AES256", "aws:kms"], rule.apply_server_side_encryption_by_default[0].sse_algorithm)
    ])
    error_message = "the bucket is not encrypted"
  }
  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.models.rule :
      rule.status == "Enabled" && try(rule.noncurrent_version_expiration[0].noncurrent_days, 0) == 45
    ])
    error_message = "replaced models are not kept for model_retention_days"
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.models.rule : try(length(rule.expiration), 0) == 0
    ])
    error_message = "a rule expires models that are current"
  }
  assert {
    condition     = !aws_s3_bucket.models.force_destroy
    error_message = "protected models can be destroyed"
  }

  # images are immutable and scanned
  assert {
    condition     = aws_ecr_repository.service.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag can be moved to another image"
  }
  assert {
    condition     = aws_ecr_repository.service.image_scanning_configuration[0].scan_on_push
    error_message = "images are not scanned on push"
  }

  # failed requests are kept and seen
  assert {
    condition     = jsondecode(aws_sqs_queue.retraining.redrive_policy).maxReceiveCount == 4
    error_message = "retraining_attempts has no effect"
  }
  assert {
    condition     = aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    error_message = "a dead letter is forgotten before it can be read"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.dead_letter.dimensions["QueueName"] == "flight-delay-staging-retraining-dead"
    error_message = "the alarm watches another queue"
  }
  assert {
    condition = contains([
      "GreaterThanThreshold 0", "GreaterThanOrEqualToThreshold 1",
    ], "${aws_cloudwatch_metric_alarm.dead_letter.comparison_operator} ${aws_cloudwatch_metric_alarm.dead_letter.threshold}")
    error_message = "the alarm does not tell one dead letter from none"
  }

  # the service may read and no more
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.service.policy).Statement : [
        for action in flatten([statement.Action]) : contains([
          "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "ssm:GetParameter", "ecr:BatchGetImage",
          "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability", "ecr:GetAuthorizationToken",
        ], action)
      ] if statement.Effect == "Allow"
    ]))
    error_message = "an action that the service does not need"
  }
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.service.policy).Statement : [
        for resource in flatten([statement.Resource]) : strcontains(resource, "flight-delay") && strcontains(resource, "staging")
      ] if statement.Effect == "Allow" && !contains(flatten([statement.Action]), "ecr:GetAuthorizationToken")
    ]))
    error_message = "a permission on things that are not this environment's"
  }

  # the outputs say where things are
  assert {
    condition     = output.model_bucket == "flight-delay-staging-models" && output.live_version_parameter == "/flight-delay/staging/model-version"
    error_message = "an output is not what it is called"
  }
  assert {
    condition     = output.service_environment["MODEL_BUCKET"] == output.model_bucket
    error_message = "service_environment names another bucket"
  }
}

run "unprotected_models_can_be_thrown_away" {
  command = plan

  variables {
    protect_models       = false
    model_retention_days = 365
    retraining_attempts  = 10
  }

  assert {
    condition     = aws_s3_bucket.models.force_destroy
    error_message = "protect_models = false has no effect"
  }
}

# One run, four mistakes: each variable must refuse its own.
run "mistakes_are_refused_when_planning" {
  command = plan

  variables {
    environment          = "production"
    owner                = "the ML team"
    model_retention_days = 6
    retraining_attempts  = 0
  }

  expect_failures = [
    var.environment,
    var.owner,
    var.model_retention_days,
    var.retraining_attempts,
  ]
}
