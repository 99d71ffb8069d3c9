variable "name" { type = string }
variable "attempts" { type = number }
variable "tags" { type = map(string) }

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
  tags                      = var.tags
}

resource "aws_sqs_queue" "work" {
  name           = var.name
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = var.attempts })
  tags           = var.tags
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.name}-dead"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.5
  treat_missing_data  = "ignore"
  tags                = var.tags
}

output "url" { value = aws_sqs_queue.work.url }
output "dead_url" { value = aws_sqs_queue.dead.url }
