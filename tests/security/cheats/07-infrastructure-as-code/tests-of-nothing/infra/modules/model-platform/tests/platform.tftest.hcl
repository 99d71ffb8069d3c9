mock_provider "aws" {}

variables {
  environment = "staging"
  owner       = "team@example.com"
}

run "everything" {
  command = plan

  assert {
    condition     = length(var.environment) > 0
    error_message = "never"
  }
}
