variable "owner" {
  type    = string
  default = "ml-platform@example.com"
}
