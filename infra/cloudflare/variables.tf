variable "account_id" {
  description = "The Cloudflare account: 32 hexadecimal digits, in the dashboard's URL."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.account_id))
    error_message = "An account's id has 32 hexadecimal digits."
  }
}

variable "name" {
  description = "The Worker's name, and what the bucket's begins with; two deployments in one account have two."
  type        = string
  default     = "rimcast"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,49}$", var.name))
    error_message = "A name begins with a letter and has at most 50 of a-z, 0-9 and '-'."
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

  validation {
    condition     = var.push_key == null || can(regex("^[A-Za-z0-9._~-]{16,200}$", var.push_key))
    error_message = "A push key has 16 to 200 of A-Z, a-z, 0-9 and . _ ~ -, so that it may stand in a URL."
  }
}

variable "domain" {
  description = "A host name of your own, in a zone of this account; null leaves it at NAME.ACCOUNT.workers.dev."
  type        = object({ hostname = string, zone_id = string })
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^[0-9a-f]{32}$", var.domain.zone_id))
    error_message = "A zone's id has 32 hexadecimal digits."
  }
}

variable "bucket_name" {
  description = "The bucket's name; null is NAME-media."
  type        = string
  default     = null
}

variable "location" {
  description = "Where R2 puts the bucket, near the encoder: apac, eeur, enam, oc, weur, wnam. Null leaves it to Cloudflare."
  type        = string
  default     = null

  validation {
    condition     = var.location == null || contains(["apac", "eeur", "enam", "oc", "weur", "wnam"], coalesce(var.location, "none"))
    error_message = "It is apac, eeur, enam, oc, weur or wnam, or null."
  }
}

variable "jurisdiction" {
  description = "What law the bucket is kept under: default, eu, fedramp or us. It cannot be changed later."
  type        = string
  default     = "default"

  validation {
    condition     = contains(["default", "eu", "fedramp", "us"], var.jurisdiction)
    error_message = "It is default, eu, fedramp or us."
  }
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

variable "segment_ms" {
  description = "Shortest segment; one ends at the first keyframe after about this long."
  type        = number
  default     = 2000

  validation {
    condition     = var.segment_ms >= 500 && var.segment_ms <= 10000
    error_message = "Segments last 500 to 10000 ms."
  }
}

variable "part_ms" {
  description = "Length of a part; viewers are about 3.5 of them behind live."
  type        = number
  default     = 500

  validation {
    condition     = var.part_ms >= 100 && var.part_ms <= 2000 && var.part_ms <= var.segment_ms / 2
    error_message = "Parts last 100 to 2000 ms, and at most half as long as segments."
  }
}

variable "window_s" {
  description = "How much of the past a playlist lists: seconds, or `all` from the beginning."
  type        = string
  default     = "60"

  validation {
    condition = var.window_s == "all" || try(
      tonumber(var.window_s) >= 3 * var.segment_ms / 1000 && tonumber(var.window_s) <= 24 * 3600,
      false,
    )
    error_message = "A playlist lists three segments or more, and 24 h at most, or all."
  }
}

variable "gap_ms" {
  description = "How long media that is late or out of order is waited for."
  type        = number
  default     = 1000

  validation {
    condition     = var.gap_ms >= 100 && var.gap_ms <= 30000
    error_message = "It is 100 to 30000 ms."
  }
}

variable "tags" {
  description = "Tags of the Worker."
  type        = set(string)
  default     = ["rimcast"]
}
