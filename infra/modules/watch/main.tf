# What the operator hears of a deployment on AWS: access logs, alarms, and what it may cost.

module "access_logs" {
  source = "../access-logs"
  count  = var.access_logs ? 1 : 0

  bucket_name       = "${var.name}-logs-${var.account_id}"
  account_id        = var.account_id
  retention_days    = var.log_retention_days
  force_destroy     = var.force_destroy
  distribution_arns = { for what, distribution in var.distributions : "${var.name}-${what}" => distribution.arn }
  tags              = var.tags
}

# CloudFront's metrics are in us-east-1, wherever else everything is.
module "cloudfront_alarms" {
  source = "../alarms"

  name       = "${var.name}-cloudfront"
  region     = "us-east-1"
  account_id = var.account_id
  email      = var.email
  tags       = var.tags

  alarms = {
    for what, distribution in var.distributions : what => {
      description = "More than ${distribution.most_errors_percent} % of what is asked of ${what} fails on our side"
      namespace   = "AWS/CloudFront"
      metric      = "5xxErrorRate"
      dimensions  = { DistributionId = distribution.id, Region = "Global" }
      statistic   = "Average"
      threshold   = distribution.most_errors_percent
    }
  }
}

module "lambda_alarms" {
  source = "../alarms"

  name       = "${var.name}-lambda"
  account_id = var.account_id
  email      = var.email
  tags       = var.tags

  alarms = merge([
    for what, function in var.functions : {
      for metric, says in { Errors = "breaks off", Throttles = "is called more often at once than it may be" } :
      "${what}-${lower(metric)}" => {
        description = "The function ${function} ${says}"
        namespace   = "AWS/Lambda"
        metric      = metric
        dimensions  = { FunctionName = function }
        statistic   = "Sum"
        threshold   = 0
      }
    }
  ]...)
}

module "budget" {
  source = "../budget"
  count  = var.email == null ? 0 : 1

  name      = var.name
  limit_usd = var.monthly_budget_usd
  email     = var.email
  tags      = var.tags
}
