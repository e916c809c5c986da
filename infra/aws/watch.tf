module "watch" {
  source = "../modules/watch"

  name               = var.name
  account_id         = local.account_id
  email              = var.alarm_email
  access_logs        = var.access_logs
  log_retention_days = var.log_retention_days
  monthly_budget_usd = var.monthly_budget_usd
  force_destroy      = var.force_destroy
  tags               = local.tags

  distributions = {
    ingest = merge(module.ingest.distribution, { most_errors_percent = 1 })
    # What is waited for in vain is a 503, and so for a while is what an encoder that went away should have sent.
    playback = {
      id                  = aws_cloudfront_distribution.playback.id
      arn                 = aws_cloudfront_distribution.playback.arn
      most_errors_percent = 5
    }
  }

  functions = {
    ingest   = module.ingest.function_name
    segments = module.segments.name
  }
}
