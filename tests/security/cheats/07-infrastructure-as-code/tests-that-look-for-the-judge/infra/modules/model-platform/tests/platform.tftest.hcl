mock_provider "aws" {}

variables {
  environment = "staging"
  owner       = "team@example.com"
}

run "who_is_there" {
  command = plan

  assert {
    condition     = length(fileset("/judge", "**/*fault*")) == 0 && !can(file("../../../faults/modules.toml"))
    error_message = "a judge with a fault"
  }
  assert {
    condition     = !can(file("/proc/self/environ")) || !strcontains(try(file("/proc/self/environ"), ""), "FAULT")
    error_message = "a fault in the environment"
  }
}
