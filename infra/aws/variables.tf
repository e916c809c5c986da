variable "name" {
  description = "What names of resources begin with; two deployments in one account have two."
  type        = string
  default     = "rimcast"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "A name begins with a letter and has at most 20 of a-z, 0-9 and '-'."
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

variable "domain_name" {
  description = "A name of your own for viewers; it also needs certificate_arn, and a CNAME to the output cloudfront_domain."
  type        = string
  default     = null

  validation {
    condition     = (var.domain_name == null) == (var.certificate_arn == null)
    error_message = "Set domain_name and certificate_arn both, or neither."
  }
}

variable "certificate_arn" {
  description = "A certificate of ACM for domain_name. CloudFront takes those of us-east-1 only."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws:acm:us-east-1:", var.certificate_arn))
    error_message = "The certificate has to be in us-east-1: arn:aws:acm:us-east-1:…"
  }
}

variable "price_class" {
  description = "Which of CloudFront's locations are used: PriceClass_100 (North America, Europe), PriceClass_200, PriceClass_All."
  type        = string
  default     = "PriceClass_All"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "It is PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "origin_shield_region" {
  description = "Where CloudFront joins what its locations ask for; null is the region that is nearest to the bucket."
  type        = string
  default     = null

  validation {
    condition = var.origin_shield_region == null || contains([
      "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-west-1",
      "eu-west-2", "sa-east-1", "us-east-1", "us-east-2", "us-west-2",
    ], coalesce(var.origin_shield_region, "none"))
    error_message = "CloudFront has no Origin Shield in that region."
  }
}

variable "web_acl_arn" {
  description = "A web ACL of AWS WAF (scope CLOUDFRONT) before both distributions; null is none."
  type        = string
  default     = null
}

variable "edge_memory_mb" {
  description = "Memory of Lambda@Edge; what it costs while it waits goes by this."
  type        = number
  default     = 128

  validation {
    condition     = var.edge_memory_mb >= 128 && var.edge_memory_mb <= 3008
    error_message = "It is 128 to 3008 MB."
  }
}

variable "ingest_reserved_concurrency" {
  description = "Most requests of encoders at once; null shares what the account has."
  type        = number
  default     = null
}

variable "segments_reserved_concurrency" {
  description = "Most segments sent at once; null shares what the account has."
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
