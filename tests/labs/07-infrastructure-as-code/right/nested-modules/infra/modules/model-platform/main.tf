locals {
  name = "flight-delay-${var.environment}"
  tags = { for key, value in { project = "flight-delay", environment = var.environment, owner = var.owner } : title(key) => value }
  all  = merge(local.tags, { ManagedBy = "terraform" })
}

module "storage" {
  source         = "./modules/storage"
  name           = "${local.name}-models"
  retention_days = var.model_retention_days
  disposable     = !var.protect_models
  tags           = local.all
}

module "retraining" {
  source   = "./modules/queue"
  name     = "${local.name}-retraining"
  attempts = var.retraining_attempts
  tags     = local.all
}

module "access" {
  source         = "./modules/access"
  name           = "${local.name}-service"
  bucket_arn     = module.storage.arn
  parameter_arn  = aws_ssm_parameter.live.arn
  repository_arn = aws_ecr_repository.images.arn
  tags           = local.all
}

resource "aws_ecr_repository" "images" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration { scan_on_push = true }
  encryption_configuration { encryption_type = "AES256" }
  tags = local.all
}

resource "aws_ssm_parameter" "live" {
  name  = "/flight-delay/${var.environment}/model-version"
  type  = "String"
  value = "none yet"
  tags  = local.all
  lifecycle { ignore_changes = [value] }
}
