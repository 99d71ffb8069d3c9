resource "aws_sqs_queue" "dead_letter" {
  name                      = join("-", [local.base_name, "retraining", "dead"])
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = local.labels
}

resource "aws_sqs_queue" "retraining" {
  name                       = join("-", [local.base_name, "retraining"])
  visibility_timeout_seconds = 1800
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ maxReceiveCount = var.retraining_attempts, deadLetterTargetArn = aws_sqs_queue.dead_letter.arn })
  tags                       = local.labels
}

resource "aws_cloudwatch_metric_alarm" "dead_letter" {
  alarm_name          = "${local.base_name}-retraining-dead"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  dimensions          = { QueueName = aws_sqs_queue.dead_letter.name }
  tags                = local.labels
}
