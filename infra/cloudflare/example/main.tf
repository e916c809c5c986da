# Copy this folder to where your own Terraform lives; change `source` and `package_dir`, the backend and terraform.tfvars.

terraform {
  required_version = ">= 1.9"

  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.28"
    }
  }

  # The state holds the push key. Keep it where only you can read it, in a backend of your own.
}

# Reads CLOUDFLARE_API_TOKEN from the environment.
provider "cloudflare" {}

variable "account_id" {
  description = "The Cloudflare account."
  type        = string
}

variable "location" {
  description = "Where the bucket is, near the encoder."
  type        = string
}

variable "domain" {
  description = "A host name of a zone of the account; null is the Worker's address at workers.dev."
  type        = object({ hostname = string, zone_id = string })
}

variable "retention_days" {
  description = "How long broadcasts are kept; null is for ever."
  type        = number
}

module "rimcast" {
  source = "../"

  # What `cargo xtask package` built, where it is not in target/package two folders above the module.
  # package_dir = "/path/to/rimcast/target/package"

  account_id     = var.account_id
  location       = var.location
  domain         = var.domain
  retention_days = var.retention_days
}

output "ingest_url" {
  description = "Where encoders push to, with a broadcast's name after it."
  value       = module.rimcast.ingest_url
}

output "push_key" {
  description = "The key that encoders show."
  value       = module.rimcast.push_key
  sensitive   = true
}

output "admin_token" {
  description = "What operators show to manage broadcasts."
  value       = module.rimcast.admin_token
  sensitive   = true
}

output "playback_url" {
  description = "Where viewers watch, with a broadcast's name after it."
  value       = module.rimcast.playback_url
}
