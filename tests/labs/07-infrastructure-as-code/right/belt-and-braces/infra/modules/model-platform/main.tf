data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  name = "flight-delay-${var.environment}"

  tags = {
    Project     = "flight-delay"
    Environment = var.environment
    Owner       = var.owner
    ManagedBy   = "terraform"
  }
}

# --- models -----------------------------------------------------------------

resource "aws_s3_bucket" "models" {
  bucket        = "${local.name}-models"
  force_destroy = !var.protect_models
  tags          = local.tags
}

resource "aws_s3_bucket_versioning" "models" {
  bucket = aws_s3_bucket.models.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "models" {
  bucket = aws_s3_bucket.models.id

  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "models" {
  bucket = aws_s3_bucket.models.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "models" {
  bucket = aws_s3_bucket.models.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# It refuses, and allows nothing.
data "aws_iam_policy_document" "only_encrypted" {
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.models.arn, "${aws_s3_bucket.models.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "models" {
  bucket     = aws_s3_bucket.models.id
  policy     = data.aws_iam_policy_document.only_encrypted.json
  depends_on = [aws_s3_bucket_public_access_block.models]
}

resource "aws_s3_bucket_lifecycle_configuration" "models" {
  bucket = aws_s3_bucket.models.id

  rule {
    id     = "forget-replaced-models"
    status = "Enabled"

    filter {
      prefix = "models/"
    }

    dynamic "noncurrent_version_transition" {
      for_each = var.model_retention_days > 60 ? [30] : []

      content {
        noncurrent_days = noncurrent_version_transition.value
        storage_class   = "STANDARD_IA"
      }
    }
    noncurrent_version_expiration {
      noncurrent_days = var.model_retention_days
    }
  }

  rule {
    id     = "tidy"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  # A rule about old versions means nothing before there are versions.
  depends_on = [aws_s3_bucket_versioning.models]
}

# --- images -----------------------------------------------------------------

resource "aws_ecr_repository" "service" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  tags                 = local.tags

  image_scanning_configuration {
    scan_on_push = true
  }
}

# --- the live version -------------------------------------------------------

resource "aws_ecr_lifecycle_policy" "service" {
  repository = aws_ecr_repository.service.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "layers that no tag names"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ssm_parameter" "live_version" {
  name        = "/flight-delay/${var.environment}/model-version"
  description = "The model version that the service loads. The delivery pipeline writes it."
  type        = "String"
  value       = "none"
  tags        = local.tags

  lifecycle {
    # Terraform makes the parameter; the delivery pipeline owns its value.
    ignore_changes = [value]
  }
}

# --- retraining -------------------------------------------------------------

resource "aws_sqs_queue" "retraining" {
  name                       = "${local.name}-retraining"
  visibility_timeout_seconds = 900
  sqs_managed_sse_enabled    = true
  tags                       = local.tags
}

resource "aws_sqs_queue_redrive_policy" "retraining" {
  queue_url = aws_sqs_queue.retraining.id

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.retraining_attempts
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letter" {
  queue_url = aws_sqs_queue.dead_letter.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.retraining.arn]
  })
}

resource "aws_sns_topic" "alerts" {
  name = "${local.name}-alerts"
  tags = local.tags
}

resource "aws_cloudwatch_log_group" "service" {
  name              = "/flight-delay/${var.environment}/service"
  retention_in_days = 30
  tags              = local.tags
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = "${local.name}-retraining-dead"
  message_retention_seconds = 1209600
  tags                      = local.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_letter" {
  alarm_name          = "${local.name}-retraining-dead"
  alarm_description   = "A retraining request failed ${var.retraining_attempts} times. Read the message in ${aws_sqs_queue.dead_letter.name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letter.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}

# --- what the service may do ------------------------------------------------

resource "aws_iam_role" "service" {
  name = "${local.name}-service"
  tags = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["ecs-tasks.amazonaws.com"] }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_policy" "service" {
  name        = "${local.name}-service"
  description = "What the service needs to start."
  tags        = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadModels"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = "arn:${data.aws_partition.current.partition}:s3:::${aws_s3_bucket.models.bucket}/models/*"
      },
      {
        Sid      = "ListModels"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = aws_s3_bucket.models.arn
        Condition = {
          StringLike   = { "s3:prefix" = ["models/*", "models/"] }
          StringEquals = { "aws:ResourceAccount" = data.aws_caller_identity.current.account_id }
        }
      },
      {
        Sid      = "ReadLiveVersion"
        Effect   = "Allow"
        Action   = "ssm:GetParameter"
        Resource = aws_ssm_parameter.live_version.arn
      },
      {
        Sid      = "PullImages"
        Effect   = "Allow"
        Action   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
        Resource = aws_ecr_repository.service.arn
      },
      {
        # This call knows no resource: AWS accepts nothing but "*" here.
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = aws_iam_policy.service.arn
}

# --- what should always be true ---------------------------------------------

check "one_owner" {
  assert {
    condition     = aws_s3_bucket.models.tags_all["Owner"] == var.owner
    error_message = "Somebody else's tag is on the bucket."
  }
}

resource "aws_sqs_queue_policy" "retraining" {
  queue_url = aws_sqs_queue.retraining.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.retraining.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
