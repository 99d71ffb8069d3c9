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
    key          = "dev/terraform.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true

  endpoints {
    s3  = "http://127.0.0.1:7777"
    ecr = "http://127.0.0.1:7777"
    iam = "http://127.0.0.1:7777"
    sqs = "http://127.0.0.1:7777"
    ssm = "http://127.0.0.1:7777"
  }
}

module "platform" {
  source = "../../modules/model-platform"

  environment          = "dev"
  owner                = "ml-platform@example.com"
  model_retention_days = 7
  protect_models       = false
}
