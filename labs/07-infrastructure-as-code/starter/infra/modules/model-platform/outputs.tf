output "model_bucket" {
  value = aws_s3_bucket.models.bucket
}

# TODO: the other outputs of the contract.
