# Which environment this is, the folder says.
locals {
  environment = basename(abspath(path.root))
}

module "platform" {
  source = "../../modules/model-platform"

  environment          = local.environment
  owner                = var.owner
  model_retention_days = 90
  protect_models       = true
}

removed {
  from = aws_s3_bucket.model_store

  lifecycle {
    destroy = false
  }
}

import {
  to = module.platform.aws_s3_bucket.models
  id = "flight-delay-${local.environment}-models"
}
