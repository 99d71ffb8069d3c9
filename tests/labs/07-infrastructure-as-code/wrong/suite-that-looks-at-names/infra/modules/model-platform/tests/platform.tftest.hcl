mock_provider "aws" {}

run "names" {
  command = plan

  variables {
    environment = "dev"
    owner       = "team@example.com"
  }

  assert {
    condition     = aws_s3_bucket.models.bucket == "flight-delay-dev-models"
    error_message = "the bucket has another name"
  }
}
