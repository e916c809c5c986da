variable "name" {
  description = "What names of resources begin with; two deployments in one account have two."
  type        = string
  default     = "rimcast"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "A name begins with a letter and has at most 20 of a-z, 0-9 and '-'."
  }
}

variable "cloudflare_account_id" {
  description = "The Cloudflare account: 32 hexadecimal digits, in the dashboard's URL."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.cloudflare_account_id))
    error_message = "An account's id has 32 hexadecimal digits."
  }
}

variable "domain" {
  description = "A host name of your own, in a zone of the Cloudflare account; null leaves it at NAME.ACCOUNT.workers.dev."
  type        = object({ hostname = string, zone_id = string })
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^[0-9a-f]{32}$", var.domain.zone_id))
    error_message = "A zone's id has 32 hexadecimal digits."
  }
}

variable "package_dir" {
  description = "Where `cargo xtask package` puts what it builds; null is target/package of this repository."
  type        = string
  default     = null
}

variable "push_key" {
  description = "What encoders have to show; null makes one (`terraform output -raw push_key`)."
  type        = string
  default     = null
  sensitive   = true
}

variable "bucket_name" {
  description = "The bucket's name, unique in all of AWS; null makes one of name, account and region."
  type        = string
  default     = null
}

variable "retention_days" {
  description = "Delete what broadcasts wrote this many days after it was written. Null keeps it all: a channel that never ends needs the records of its beginning."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 1 && floor(var.retention_days) == var.retention_days, false)
    error_message = "It is a whole number of days, 1 or more, or null."
  }
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the buckets with all that is in them."
  type        = bool
  default     = false
}

variable "price_class" {
  description = "Which of CloudFront's locations encoders are served from: PriceClass_100 (North America, Europe), PriceClass_200, PriceClass_All."
  type        = string
  default     = "PriceClass_All"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "It is PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "web_acl_arn" {
  description = "A web ACL of AWS WAF (scope CLOUDFRONT) before ingest; null is none."
  type        = string
  default     = null
}

variable "ingest_reserved_concurrency" {
  description = "Most requests of encoders at once; null shares what the account has."
  type        = number
  default     = null
}

variable "access_logs" {
  description = "Keep CloudFront's access logs, in a bucket of their own."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms and of the budget; null tells nobody, and makes no budget."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@ ]+@[^@ ]+$", var.alarm_email))
    error_message = "That is no address."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars a month that the account is meant to stay below."
  type        = number
  default     = 100
}

variable "tags" {
  description = "Tags of all that is made, beside project and deployment."
  type        = map(string)
  default     = {}
}
