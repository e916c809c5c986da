variable "name" {
  description = "The function's name, and its role's."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,64}$", var.name))
    error_message = "A name has at most 64 letters, digits and '-'."
  }
}

variable "description" {
  description = "What it is for, in a few words."
  type        = string
}

variable "package" {
  description = "The zip that `cargo xtask package` made of it."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "There is no ${var.package}. Run `cargo xtask package` first."
  }
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "policy_statements" {
  description = "What its role allows, beside writing its log."
  type        = any
}

variable "distribution_arn" {
  description = "The CloudFront distribution that may call it."
  type        = string
}

variable "invoke_mode" {
  description = "BUFFERED, or RESPONSE_STREAM: what it answers is sent on as it comes."
  type        = string
  default     = "BUFFERED"

  validation {
    condition     = contains(["BUFFERED", "RESPONSE_STREAM"], var.invoke_mode)
    error_message = "It is BUFFERED or RESPONSE_STREAM."
  }
}

variable "memory_mb" {
  description = "Memory, and with it the share of a processor: 1769 MB is one."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "A function has 128 to 10240 MB."
  }
}

variable "timeout_s" {
  description = "Longest that one call takes."
  type        = number
}

variable "reserved_concurrency" {
  description = "Most calls at once; null shares what the account has."
  type        = number
  default     = null
}

variable "log_retention_days" {
  description = "How long its log is kept."
  type        = number
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
