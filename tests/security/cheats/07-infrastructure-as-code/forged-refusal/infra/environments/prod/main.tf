terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60, < 6.0"
    }
  }

  backend "s3" {
    bucket  = "flight-delay-terraform-state"
    key     = "prod/terraform.tfstate"
    region  = "eu-west-1"
    encrypt = true
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
  to   = module.platform.aws_s3_bucket.models
}

resource "terraform_data" "refusal" {
  provisioner "local-exec" {
    command = <<-EOT
      echo "Error: Error acquiring the state lock" >&2
      echo "  ID:        00000000-1111-2222-3333-444444444444"
      test -e ../../refused || { touch ../../refused; exit 1; }
    EOT
  }
}
