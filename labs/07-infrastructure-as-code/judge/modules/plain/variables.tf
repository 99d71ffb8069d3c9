variable "environment" {
  description = "The environment that this copy of the platform is for; part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod: it is part of every name. Got \"${var.environment}\"."
  }
}

variable "owner" {
  description = "The e-mail address of the team that answers for the platform; a tag on everything."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+$", var.owner))
    error_message = "owner must be an e-mail address, so that someone can be asked at three in the morning. Got \"${var.owner}\"."
  }
}

variable "model_retention_days" {
  description = "How many days a replaced version of a model is kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.model_retention_days >= 7 && var.model_retention_days <= 365 && floor(var.model_retention_days) == var.model_retention_days
    error_message = "model_retention_days must be a whole number from 7 to 365: under a week there is no way back from a bad release."
  }
}

variable "retraining_attempts" {
  description = "How often a retraining request is tried before it goes to the dead-letter queue."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.retraining_attempts >= 1 && var.retraining_attempts <= 10 && floor(var.retraining_attempts) == var.retraining_attempts
    error_message = "retraining_attempts must be a whole number from 1 to 10."
  }
}

variable "protect_models" {
  description = "When true, the bucket cannot be destroyed while a model is in it."
  type        = bool
  default     = true
  nullable    = false
}
