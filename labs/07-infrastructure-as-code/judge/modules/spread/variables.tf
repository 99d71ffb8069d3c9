variable "environment" {
  type     = string
  nullable = false

  validation {
    condition     = can(regex("^(dev|staging|prod)$", var.environment))
    error_message = "There is no environment ${var.environment}; there are dev, staging and prod."
  }
}

variable "owner" {
  type     = string
  nullable = false

  validation {
    condition     = length(split("@", var.owner)) == 2 && !strcontains(var.owner, " ")
    error_message = "The owner is an e-mail address."
  }
}

variable "model_retention_days" {
  type     = number
  default  = 60
  nullable = false

  validation {
    condition     = contains(range(7, 366), var.model_retention_days)
    error_message = "Between a week and a year, in whole days."
  }
}

variable "retraining_attempts" {
  type     = number
  default  = 5
  nullable = false

  validation {
    condition     = contains(range(1, 11), var.retraining_attempts)
    error_message = "One to ten attempts."
  }
}

variable "protect_models" {
  type     = bool
  default  = true
  nullable = false
}
