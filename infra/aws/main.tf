# A broadcast wholly on AWS: `rimcast push` -> ingest Lambda -> S3 <- Lambda@Edge and a streaming Lambda <- CloudFront.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  account_id  = data.aws_caller_identity.current.account_id
  region      = data.aws_region.current.region
  bucket_name = coalesce(var.bucket_name, "${var.name}-media-${local.account_id}-${local.region}")
  bucket_arn  = "arn:aws:s3:::${local.bucket_name}"
  package_dir = coalesce(var.package_dir, "${path.module}/../../target/package")
  tags        = merge({ project = "rimcast", deployment = var.name }, var.tags)

  origins = {
    bucket   = "bucket"
    segments = "segments"
  }

  # What the player page is made of lies beside the broadcasts, whose names begin with one of these.
  broadcast_prefixes = split("", "abcdefghijklmnopqrstuvwxyz0123456789")
}

module "bucket" {
  source = "../modules/bucket"

  name                = local.bucket_name
  force_destroy       = var.force_destroy
  expiration_days     = var.retention_days
  expiration_prefixes = local.broadcast_prefixes
  tags                = local.tags

  # By name only: to list is not allowed, so that no path can be a list.
  policy_statements = [{
    Sid       = "Viewers"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Resource  = "${local.bucket_arn}/*"
    Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.playback.arn } }
  }]
}

module "ingest" {
  source = "../modules/ingest"

  name                 = var.name
  package_dir          = local.package_dir
  bucket               = { name = module.bucket.name, arn = module.bucket.arn }
  push_key             = var.push_key
  reserved_concurrency = var.ingest_reserved_concurrency
  log_retention_days   = var.log_retention_days
  price_class          = var.price_class
  web_acl_arn          = var.web_acl_arn
  tags                 = local.tags
}

# Whole segments, growing ones too: what Lambda@Edge, which answers all at once and with 1 MB at most, cannot send.
module "segments" {
  source = "../modules/function"

  name                 = "${var.name}-segments"
  description          = "Sends segments, part by part while they are open"
  package              = "${local.package_dir}/segments.zip"
  distribution_arn     = aws_cloudfront_distribution.playback.arn
  invoke_mode          = "RESPONSE_STREAM"
  memory_mb            = 512
  timeout_s            = 60
  reserved_concurrency = var.segments_reserved_concurrency
  log_retention_days   = var.log_retention_days
  tags                 = local.tags

  environment = {
    RIMCAST_BUCKET = module.bucket.name
  }

  policy_statements = local.read_bucket
}

locals {
  # To list is asked for too: S3 says "not found" only to those who might have seen it, to others "forbidden".
  read_bucket = [
    {
      Sid      = "Objects"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${local.bucket_arn}/*"
    },
    {
      Sid      = "Names"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = local.bucket_arn
    },
  ]
}
