output "bucket" {
  description = "The bucket with the logs, JSON lines in gzip, a folder for each distribution."
  value       = module.bucket.name
}
