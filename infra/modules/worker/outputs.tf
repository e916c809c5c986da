output "url" {
  description = "Where it answers."
  value       = var.domain == null ? cloudflare_worker.this.subdomain.url : "https://${var.domain.hostname}"
}

output "name" {
  description = "The Worker's name."
  value       = cloudflare_worker.this.name
}

output "version_id" {
  description = "The version that is deployed."
  value       = cloudflare_worker_version.this.id
}
