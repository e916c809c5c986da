variable "account_id" {
  description = "The Cloudflare account."
  type        = string
}

variable "name" {
  description = "The Worker's name."
  type        = string
}

variable "package_dir" {
  description = "Where `cargo xtask package` puts what it builds."
  type        = string
}

variable "domain" {
  description = "A host name of a zone of the account; null leaves the Worker at its address at workers.dev."
  type        = object({ hostname = string, zone_id = string })
  default     = null
}

variable "variables" {
  description = "What the Worker is told in plain text."
  type        = map(string)
  default     = {}
}

variable "secret_names" {
  description = "The names of the secrets: which there are is no secret."
  type        = set(string)
  default     = []
}

variable "secrets" {
  description = "What the Worker is told, and nobody else can read again."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "r2_bucket" {
  description = "The bucket with the broadcasts; null where they are not in R2."
  type        = object({ name = string, jurisdiction = string })
  default     = null
}

variable "tags" {
  description = "Tags of the Worker."
  type        = set(string)
  default     = []
}
