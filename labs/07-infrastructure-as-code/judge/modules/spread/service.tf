resource "aws_ecr_repository" "service" {
  name                 = local.base_name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.protect_models
  tags                 = local.labels

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_iam_role" "service" {
  name                 = "${local.base_name}-service"
  max_session_duration = 7200
  tags                 = local.labels

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Tasks", Effect = "Allow", Action = ["sts:AssumeRole"], Principal = { Service = ["ecs-tasks.amazonaws.com"] } }]
  })
}

resource "aws_iam_role_policy" "service" {
  name = "service"
  role = aws_iam_role.service.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Sid = "Login", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
        { Sid = "Pull", Effect = "Allow", Action = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"], Resource = [aws_ecr_repository.service.arn] },
      ],
      [
        { Sid = "Version", Effect = "Allow", Action = ["ssm:GetParameter"], Resource = [aws_ssm_parameter.live_version.arn] },
        { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [aws_s3_bucket.models.arn] },
        { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${aws_s3_bucket.models.arn}/*"] },
      ],
    )
  })
}
