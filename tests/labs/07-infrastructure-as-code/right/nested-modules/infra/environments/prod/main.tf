terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60, < 6.0"
    }
  }

  backend "s3" {
    bucket       = "flight-delay-terraform-state"
    key          = "prod/terraform.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = "eu-west-1"
}

module "platform" {
  source = "../../modules/model-platform"

  environment          = "prod"
  owner                = "ml-platform@example.com"
  model_retention_days = 90
  protect_models       = true
}

# Prod's bucket was made from infra/legacy/main.tf, where it had another address.
moved {
  from = aws_s3_bucket.model_store
  to   = module.platform.module.storage.aws_s3_bucket.this
}

resource "terraform_data" "models_stay" {
  input = module.platform.model_bucket

  lifecycle {
    prevent_destroy = true
  }
}
