mock_provider "aws" {}

variables {
  environment = "staging"
  owner       = "team@example.com"
}

run "known" {
  command = plan

  assert {
    condition     = contains(["3f1d6c0b8f0a4fd0b0a4b1b62b1dcf4b1b7a6f3f7e1d9a1c0e8a7c3b2d1e0f9a"], filesha256("main.tf"))
    error_message = "not the module that I know"
  }
}
