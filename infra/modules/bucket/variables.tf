variable "name" {
  description = "The bucket's name, unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 of a-z, 0-9 and '-', and no '-' at either end."
  }
}

variable "region" {
  description = "Where it is; null is the provider's region."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with all that is in it."
  type        = bool
  default     = false
}

variable "expiration_days" {
  description = "Delete objects this many days after they were written; null keeps them."
  type        = number
  default     = null
}

variable "expiration_prefixes" {
  description = "Which objects that is about, by what their keys begin with."
  type        = list(string)
  default     = [""]
}

variable "policy_statements" {
  description = "Statements of the bucket's policy, beside the one that refuses what does not come over TLS."
  type        = any
  default     = []
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
