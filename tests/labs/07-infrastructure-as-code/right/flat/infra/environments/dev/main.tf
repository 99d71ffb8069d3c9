terraform {
  backend "s3" {
    bucket         = "flight-delay-terraform-state"
    key            = "dev/terraform.tfstate"
    region         = "eu-west-1"
    dynamodb_table = "flight-delay-terraform-locks"
  }
}

locals {
  owner = "ml-platform@example.com"
}

provider "aws" {
  default_tags {
    tags = {
      Project     = "flight-delay"
      Environment = "dev"
      Owner       = local.owner
      ManagedBy   = "terraform"
    }
  }
}

module "this" {
  source               = "../../modules/model-platform"
  environment          = "dev"
  owner                = local.owner
  protect_models       = false
  model_retention_days = 14
}

output "model_bucket" {
  value = module.this.model_bucket
}

output "registry_url" {
  value = module.this.registry_url
}

output "live_version_parameter" {
  value = module.this.live_version_parameter
}

output "retraining_queue_url" {
  value = module.this.retraining_queue_url
}

output "dead_letter_queue_url" {
  value = module.this.dead_letter_queue_url
}

output "service_role_arn" {
  value = module.this.service_role_arn
}

output "service_environment" {
  value = module.this.service_environment
}
