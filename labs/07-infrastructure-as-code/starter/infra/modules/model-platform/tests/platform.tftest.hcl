mock_provider "aws" {}

variables {
  environment = "staging"
  owner       = "team@example.com"
}

# TODO: run blocks. Each promise of the contract wants an assertion that fails when the promise is broken.
