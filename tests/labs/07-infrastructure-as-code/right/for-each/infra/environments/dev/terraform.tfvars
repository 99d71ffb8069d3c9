environment = "dev"
owner       = "ml-platform@example.com"
retention   = 7
protect     = false
