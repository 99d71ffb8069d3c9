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

# prevent_destroy takes no variable, so there are two resources, of which one is made.
resource "aws_s3_bucket" "protected" {
  count  = var.protect_models ? 1 : 0
  bucket = "${local.name}-models"
  tags   = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket" "disposable" {
  count         = var.protect_models ? 0 : 1
  bucket        = "${local.name}-models"
  force_destroy = true
  tags          = local.tags
}

locals {
  bucket = one(concat(aws_s3_bucket.protected, aws_s3_bucket.disposable))

  queues = {
    dead_letter = { suffix = "-dead", seconds = 1209600 }
  }
}

resource "aws_s3_bucket_versioning" "models" {
  bucket = local.bucket.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "models" {
  bucket = local.bucket.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "models" {
  bucket = local.bucket.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "models" {
  bucket = local.bucket.id

  rule {
    id     = "forget-replaced-models"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.model_retention_days
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
  name = "${local.name}-retraining"
  tags = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.others["dead_letter"].arn
    maxReceiveCount     = var.retraining_attempts
  })
}

resource "aws_sqs_queue" "others" {
  for_each = local.queues

  name                      = "${local.name}-retraining${each.value.suffix}"
  message_retention_seconds = each.value.seconds
  tags                      = local.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_letter" {
  alarm_name          = "${local.name}-retraining-dead"
  alarm_description   = "A retraining request failed ${var.retraining_attempts} times. Read the message in ${aws_sqs_queue.others["dead_letter"].name}."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  tags                = local.tags

  metric_query {
    id          = "dead"
    return_data = true

    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      stat        = "Maximum"
      period      = 60
      dimensions  = { QueueName = aws_sqs_queue.others["dead_letter"].name }
    }
  }
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
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "service" {
  name = "read-models"
  role = aws_iam_role.service.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadModels"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = "${local.bucket.arn}/*"
      },
      {
        Sid      = "ListModels"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = local.bucket.arn
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
