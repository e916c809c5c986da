# On the side of AWS; the Worker's logs and metrics are in Cloudflare's dashboard.
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
  distributions      = { ingest = merge(module.ingest.distribution, { most_errors_percent = 1 }) }
  functions          = { ingest = module.ingest.function_name }
}
