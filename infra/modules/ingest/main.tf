# Where `rimcast push` sends parts to: a Lambda function that writes to a bucket, behind a distribution of its own.
#
# It has its own because CloudFront keeps an error for everyone who asks, by the distribution's setting: a second for
# viewers, but not a moment for an encoder that has just stored what was not there.

locals {
  push_key  = var.push_key == null ? random_password.push_key[0].result : var.push_key
  origin_id = "ingest"
}

resource "random_password" "push_key" {
  count = var.push_key == null ? 1 : 0

  # It stands in URLs and headers.
  length  = 40
  special = false
}

module "function" {
  source = "../function"

  name                 = "${var.name}-ingest"
  description          = "Takes parts from rimcast push and writes them to storage"
  package              = "${var.package_dir}/ingest.zip"
  distribution_arn     = aws_cloudfront_distribution.this.arn
  memory_mb            = var.memory_mb
  timeout_s            = 20
  reserved_concurrency = var.reserved_concurrency
  log_retention_days   = var.log_retention_days
  tags                 = var.tags

  environment = {
    RIMCAST_BUCKET   = var.bucket.name
    RIMCAST_PUSH_KEY = local.push_key
  }

  policy_statements = [
    {
      Sid      = "Objects"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "${var.bucket.arn}/*"
    },
    {
      Sid      = "Names"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = var.bucket.arn
    },
  ]
}

data "aws_cloudfront_cache_policy" "none" {
  name = "Managed-CachingDisabled"
}

data "aws_cloudfront_origin_request_policy" "all" {
  name = "Managed-AllViewerExceptHostHeader"
}

resource "aws_cloudfront_distribution" "this" {
  # checkov:skip=CKV_AWS_68: who has no key gets nowhere; `web_acl_arn` attaches a firewall where one is wanted.
  # checkov:skip=CKV2_AWS_47: see CKV_AWS_68.
  # checkov:skip=CKV_AWS_86: logs are delivered the new way (aws_cloudwatch_log_delivery), see the module watch.
  # checkov:skip=CKV_AWS_174: the name and certificate are CloudFront's, and so is the policy that comes with them; rimcast push speaks TLS 1.2 and later.
  # checkov:skip=CKV_AWS_305: there is no page at the root.
  # checkov:skip=CKV_AWS_310: there is one ingest; encoders try again.
  # checkov:skip=CKV_AWS_374: encoders travel; the key tells them apart.
  # checkov:skip=CKV2_AWS_32: encoders are not browsers, headers for those mean nothing to them.
  # checkov:skip=CKV2_AWS_42: see CKV_AWS_174.

  comment         = "${var.name}: ingest"
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  web_acl_id      = var.web_acl_arn
  tags            = var.tags

  origin {
    origin_id                = local.origin_id
    domain_name              = module.function.origin.domain_name
    origin_access_control_id = module.function.origin.access_control_id

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_keepalive_timeout = 60
      origin_read_timeout      = 30
    }
  }

  default_cache_behavior {
    target_origin_id         = local.origin_id
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = data.aws_cloudfront_cache_policy.none.id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.all.id
  }

  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}
