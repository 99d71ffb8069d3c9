# How production was made, eighteen months ago, on a laptop. It is here to be read; nothing runs it any more.
# Its state was copied to the state bucket later: prod/terraform.tfstate.

provider "aws" {
  region = "eu-west-1"
}

resource "aws_s3_bucket" "model_store" {
  bucket = "flight-delay-prod-models"
}
