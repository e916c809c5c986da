variable "name" {
  description = "What the topic is called, and the alarms begin with."
  type        = string
}

variable "region" {
  description = "Where the metrics are; CloudFront's are in us-east-1. Null is the provider's region."
  type        = string
  default     = null
}

variable "account_id" {
  description = "The account whose alarms may use the topic."
  type        = string
}

variable "email" {
  description = "Who is told; null tells nobody, the topic may be subscribed to otherwise."
  type        = string
  default     = null
}

variable "alarms" {
  description = "By name: a metric that is above a threshold in two of three minutes."
  type = map(object({
    description = string
    namespace   = string
    metric      = string
    dimensions  = map(string)
    statistic   = string
    threshold   = number
  }))
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
