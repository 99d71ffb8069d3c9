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

  environment          = var.environment
  owner                = var.owner
  model_retention_days = var.retention
  protect_models       = var.protect
}

# Prod's bucket was made from infra/legacy/main.tf, where it had another address.
moved {
  from = aws_s3_bucket.model_store
  to   = module.platform.aws_s3_bucket.protected[0]
}

variable "environment" {
  type = string
}

variable "owner" {
  type = string
}

variable "retention" {
  type = number
}

variable "protect" {
  type = bool
}
