variable "name" {
  description = "The budget's name."
  type        = string
}

variable "limit_usd" {
  description = "US dollars a month, for the whole account."
  type        = number

  validation {
    condition     = var.limit_usd > 0
    error_message = "A budget is more than nothing."
  }
}

variable "email" {
  description = "Who is told at 80 % spent, and when all of it is going to be."
  type        = string
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
