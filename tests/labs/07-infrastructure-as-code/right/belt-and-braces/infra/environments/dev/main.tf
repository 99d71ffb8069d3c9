# Which environment this is, the folder says.
locals {
  environment = basename(abspath(path.root))
}

module "platform" {
  source = "../../modules/model-platform"

  environment          = local.environment
  owner                = var.owner
  model_retention_days = 7
  protect_models       = false
}
