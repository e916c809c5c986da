# Ingest and storage on AWS, viewers on Cloudflare: rimcast push -> ingest Lambda -> S3 <- Worker, behind its cache.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  account_id  = data.aws_caller_identity.current.account_id
  region      = data.aws_region.current.region
  bucket_name = coalesce(var.bucket_name, "${var.name}-media-${local.account_id}-${local.region}")
  bucket_arn  = "arn:aws:s3:::${local.bucket_name}"
  package_dir = coalesce(var.package_dir, "${path.module}/../../target/package")
  tags        = merge({ project = "rimcast", deployment = var.name }, var.tags)
}

module "bucket" {
  source = "../modules/bucket"

  name            = local.bucket_name
  force_destroy   = var.force_destroy
  expiration_days = var.retention_days
  tags            = local.tags
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

# Whom the Worker is to AWS: somebody who may read this bucket.
resource "aws_iam_user" "worker" {
  # checkov:skip=CKV_AWS_273: it is a program outside of AWS, which no identity provider vouches for; it may read one bucket.
  name = "${var.name}-worker"
  path = "/rimcast/"
  tags = local.tags
}

resource "aws_iam_user_policy" "worker" {
  # checkov:skip=CKV_AWS_40: there is one such user; a group of one would say the same in more words.
  name = "read-the-broadcasts"
  user = aws_iam_user.worker.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${local.bucket_arn}/*"
      },
      # S3 says "not found" only to those who might have seen it, to others "forbidden".
      {
        Sid      = "Names"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = local.bucket_arn
      },
    ]
  })
}

resource "aws_iam_access_key" "worker" {
  user = aws_iam_user.worker.name

  # `terraform apply -replace` makes the next key before it takes this one away.
  lifecycle {
    create_before_destroy = true
  }
}

module "worker" {
  source = "../modules/worker"

  account_id   = var.cloudflare_account_id
  name         = var.name
  package_dir  = local.package_dir
  domain       = var.domain
  secret_names = ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"]
  tags         = [for key, value in local.tags : "${key}:${value}"]

  # With S3_BUCKET the Worker reads S3, signing what it asks (SigV4), instead of R2.
  variables = {
    S3_BUCKET = module.bucket.name
    S3_REGION = local.region
  }

  secrets = {
    S3_ACCESS_KEY_ID     = aws_iam_access_key.worker.id
    S3_SECRET_ACCESS_KEY = aws_iam_access_key.worker.secret
  }
}
