output "flood" {
  value = [for a in range(1000) : join("", [for b in range(1000) : "the quick brown fox jumps over the lazy dog"])]
}

output "judge" {
  value = try(file("/judge/steps.py"), "nothing")
}
