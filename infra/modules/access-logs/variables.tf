variable "bucket_name" {
  description = "The name of the bucket that is made for the logs, unique in all of AWS."
  type        = string
}

variable "distribution_arns" {
  description = "Whose logs, by the name that they get in the bucket."
  type        = map(string)
}

variable "retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the bucket with all that is in it."
  type        = bool
  default     = false
}

variable "account_id" {
  description = "The account whose logs these are."
  type        = string
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
