# TODO: say what each is for, and refuse what makes no sense (the contract says what does).

variable "environment" {
  type = string
}

variable "owner" {
  type = string
}

variable "model_retention_days" {
  type    = number
  default = 30
}

variable "retraining_attempts" {
  type    = number
  default = 3
}

variable "protect_models" {
  type    = bool
  default = true
}
