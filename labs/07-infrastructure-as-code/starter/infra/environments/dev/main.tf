terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60, < 6.0"
    }
  }

  # TODO: a backend. Now the state is a file on whatever machine ran apply last.
}

provider "aws" {
  region     = "eu-west-1"
  access_key = "AKIAIOSFODNN7EXAMPLE"
  secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
}

module "platform" {
  source = "../../modules/model-platform"

  environment    = "dev"
  owner          = "ml-platform@example.com"
  protect_models = false
}

# TODO: pass the module's outputs on.
