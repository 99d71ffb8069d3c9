terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60, < 6.0"
    }
  }

  # TODO: a backend. Prod's state is in the shared bucket already: prod/terraform.tfstate.
}

provider "aws" {
  region = "eu-west-1"
}

module "platform" {
  source = "../../modules/model-platform"

  environment          = "prod"
  owner                = "ml-platform@example.com"
  model_retention_days = 90
}

# TODO: prod's bucket exists, under another address (infra/legacy). See what a plan would do to it.
