# Copy this folder to where your own Terraform lives; change `source` and `package_dir`, the backend and terraform.tfvars.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }

  # The state holds the push key. Keep it where only you can read it:
  # backend "s3" {
  #   bucket       = "my-terraform-state"
  #   key          = "rimcast"
  #   region       = "eu-central-1"
  #   encrypt      = true
  #   use_lockfile = true
  # }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "Where the bucket and the functions are: near the encoder."
  type        = string
}

variable "alarm_email" {
  description = "Who is told of alarms and of the budget."
  type        = string
}

variable "retention_days" {
  description = "How long broadcasts are kept; null is for ever."
  type        = number
}

module "rimcast" {
  source = "../"

  # What `cargo xtask package` built, where it is not in target/package two folders above the module.
  # package_dir = "/path/to/rimcast/target/package"

  alarm_email    = var.alarm_email
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

output "playback_url" {
  description = "Where viewers watch, with a broadcast's name after it."
  value       = module.rimcast.playback_url
}
