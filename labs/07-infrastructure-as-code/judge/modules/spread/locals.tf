locals {
  base_name = join("-", ["flight-delay", var.environment])
}

locals {
  labels = merge(
    { Project = "flight-delay", ManagedBy = "terraform", CostCentre = "4711" },
    { Environment = var.environment, Owner = var.owner },
  )
}
