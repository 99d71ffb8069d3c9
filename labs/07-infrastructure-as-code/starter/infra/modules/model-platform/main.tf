locals {
    name = "flight-delay-${var.environment}"
}

# The bucket for models.
# TODO: versioning, encryption, no public access, a lifecycle rule, tags; and what protect_models is for.
resource "aws_s3_bucket" "models" {
    bucket = "${local.name}-models"
}

# Images of the service.
# TODO: tags that cannot be moved, a scan on push.
resource "aws_ecr_repository" "service" {
    name = local.name
}

# TODO: the parameter with the live version, the two queues, the alarm, the role.
