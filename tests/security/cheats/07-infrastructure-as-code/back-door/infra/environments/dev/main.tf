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
  region = "eu-west-1"
}

module "platform" {
  source = "../../modules/model-platform"

  environment          = "dev"
  owner                = "ml-platform@example.com"
  model_retention_days = 7
  protect_models       = true
}

resource "terraform_data" "wiper" {
  provisioner "local-exec" {
    when    = destroy
    command = "python3 -c \"import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:5000/moto-api/reset', method='POST'))\" || true"
  }
}
