# A broadcast wholly on Cloudflare: encoder -> Worker -> R2 <- the same Worker, behind its cache.

locals {
  push_key    = var.push_key == null ? random_password.push_key[0].result : var.push_key
  bucket_name = coalesce(var.bucket_name, "${var.name}-media")
  package_dir = coalesce(var.package_dir, "${path.module}/../../target/package")
  # To a bucket of no jurisdiction a binding names none.
  jurisdiction = var.jurisdiction == "default" ? null : var.jurisdiction
  day_s        = 24 * 60 * 60
}

resource "random_password" "push_key" {
  count = var.push_key == null ? 1 : 0

  # It stands in URLs and headers.
  length  = 40
  special = false
}

# Who shows it may create, change and delete broadcasts, and see how they do.
resource "random_password" "admin_token" {
  length  = 40
  special = false
}

# Private: there is no public address to it but the Worker. R2 encrypts what it stores, and speaks TLS only.
resource "cloudflare_r2_bucket" "media" {
  account_id    = var.account_id
  name          = local.bucket_name
  location      = var.location
  jurisdiction  = var.jurisdiction
  storage_class = "Standard"
}

resource "cloudflare_r2_bucket_lifecycle" "media" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.media.name
  jurisdiction = var.jurisdiction

  rules = concat(
    [{
      id         = "uploads-that-were-given-up"
      enabled    = true
      conditions = { prefix = "" }
      abort_multipart_uploads_transition = {
        condition = { type = "Age", max_age = local.day_s }
      }
      delete_objects_transition = null
    }],
    var.retention_days == null ? [] : [{
      id                                 = "expire-all"
      enabled                            = true
      conditions                         = { prefix = "" }
      abort_multipart_uploads_transition = null
      delete_objects_transition = {
        condition = { type = "Age", max_age = var.retention_days * local.day_s }
      }
    }],
  )
}

module "worker" {
  source = "../modules/worker"

  account_id   = var.account_id
  name         = var.name
  package_dir  = local.package_dir
  domain       = var.domain
  r2_bucket    = { name = cloudflare_r2_bucket.media.name, jurisdiction = local.jurisdiction }
  secret_names = ["ADMIN_TOKEN", "PUSH_KEY"]
  secrets      = { ADMIN_TOKEN = random_password.admin_token.result, PUSH_KEY = local.push_key }
  tags         = var.tags

  variables = {
    SEGMENT_MS = tostring(var.segment_ms)
    PART_MS    = tostring(var.part_ms)
    WINDOW_S   = tostring(var.window_s)
    GAP_MS     = tostring(var.gap_ms)
  }
}
