variable "name" {
  description = "What names begin with."
  type        = string
}

variable "account_id" {
  description = "The AWS account."
  type        = string
}

variable "distributions" {
  description = "By what they are for: distributions of CloudFront, and the share of errors of our own that is an alarm."
  type        = map(object({ id = string, arn = string, most_errors_percent = number }))
}

variable "functions" {
  description = "By what they are for: names of Lambda functions of this region."
  type        = map(string)
}

variable "email" {
  description = "Who is told of alarms and of the budget; null tells nobody, and makes no budget."
  type        = string
  default     = null
}

variable "access_logs" {
  description = "Keep CloudFront's access logs."
  type        = bool
}

variable "log_retention_days" {
  description = "How long access logs are kept."
  type        = number
}

variable "monthly_budget_usd" {
  description = "US dollars a month that the account is meant to stay below."
  type        = number
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the logs."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
