variable "name" {
  description = "What names begin with."
  type        = string
}

variable "package_dir" {
  description = "Where `cargo xtask package` puts what it builds."
  type        = string
}

variable "bucket" {
  description = "The bucket to write to."
  type        = object({ name = string, arn = string })
}

variable "push_key" {
  description = "What encoders have to show; null makes one."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.push_key == null || can(regex("^[A-Za-z0-9._~-]{16,200}$", var.push_key))
    error_message = "A push key has 16 to 200 of A-Z, a-z, 0-9 and . _ ~ -, so that it may stand in a URL."
  }
}

variable "memory_mb" {
  description = "The function's memory, and with it its share of a processor."
  type        = number
  default     = 512
}

variable "reserved_concurrency" {
  description = "Most requests at once; null shares what the account has."
  type        = number
  default     = null
}

variable "log_retention_days" {
  description = "How long the function's log is kept."
  type        = number
  default     = 30
}

variable "price_class" {
  description = "Which of CloudFront's locations encoders are served from."
  type        = string
  default     = "PriceClass_All"
}

variable "web_acl_arn" {
  description = "A web ACL of AWS WAF (scope CLOUDFRONT) before the distribution; null is none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
