variable "name" { type = string }
variable "bucket_arn" { type = string }
variable "parameter_arn" { type = string }
variable "repository_arn" { type = string }
variable "tags" { type = map(string) }

locals {
  grants = {
    bucket   = { actions = ["s3:ListBucket", "s3:GetBucketLocation"], resources = [var.bucket_arn] }
    models   = { actions = ["s3:GetObject*"], resources = ["${var.bucket_arn}/*"] }
    version  = { actions = ["ssm:GetParameter"], resources = [var.parameter_arn] }
    images   = { actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:Describe*"], resources = [var.repository_arn] }
    registry = { actions = ["ecr:GetAuthorizationToken"], resources = ["*"] }
  }
}

resource "aws_iam_role" "this" {
  name = var.name
  tags = var.tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.grants
  name     = each.key
  role     = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = each.value.actions, Resource = each.value.resources }]
  })
}

output "role_arn" { value = aws_iam_role.this.arn }
