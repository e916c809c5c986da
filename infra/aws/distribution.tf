# CloudFront, as viewers see it.

resource "aws_cloudfront_origin_access_control" "bucket" {
  name                              = "${var.name}-media"
  description                       = "CloudFront signs what it reads from the bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

# One spelling for each URL, before the cache is asked, and the origin that has it.
resource "aws_cloudfront_function" "normalise" {
  name    = "${var.name}-normalise"
  comment = "One spelling for each URL, and the origin that has it"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = file("${path.module}/functions/normalise.js")
}

locals {
  # Where CloudFront has Origin Shield, and for other regions where it is nearest.
  origin_shield_regions = {
    af-south-1     = "eu-west-1"
    ap-east-1      = "ap-southeast-1"
    ap-northeast-1 = "ap-northeast-1"
    ap-northeast-2 = "ap-northeast-2"
    ap-south-1     = "ap-south-1"
    ap-southeast-1 = "ap-southeast-1"
    ap-southeast-2 = "ap-southeast-2"
    ca-central-1   = "us-east-1"
    eu-central-1   = "eu-central-1"
    eu-north-1     = "eu-west-2"
    eu-south-1     = "eu-central-1"
    eu-west-1      = "eu-west-1"
    eu-west-2      = "eu-west-2"
    eu-west-3      = "eu-west-2"
    me-south-1     = "ap-south-1"
    sa-east-1      = "sa-east-1"
    us-east-1      = "us-east-1"
    us-east-2      = "us-east-2"
    us-west-1      = "us-west-2"
    us-west-2      = "us-west-2"
  }
  origin_shield_region = coalesce(var.origin_shield_region, lookup(local.origin_shield_regions, local.region, "us-east-1"))

  # What is answered by Lambda@Edge, by the end of its path.
  text_behaviours = [
    { pattern = "*.m3u8", policy = "playlists" },
    { pattern = "*.mpp", policy = "patches" },
    { pattern = "*.mpd", policy = "manifests" },
  ]
}

data "aws_cloudfront_cache_policy" "optimized" {
  name = "Managed-CachingOptimized"
}

resource "aws_cloudfront_distribution" "playback" {
  # checkov:skip=CKV_AWS_68: what is sent is public and the same for all; `web_acl_arn` attaches a firewall where one is wanted.
  # checkov:skip=CKV2_AWS_47: see CKV_AWS_68.
  # checkov:skip=CKV_AWS_86: logs are delivered the new way (aws_cloudwatch_log_delivery), see the module watch.
  # checkov:skip=CKV_AWS_174: with a domain of one's own it is TLS 1.2 and later; without, CloudFront's certificate comes with CloudFront's policy.
  # checkov:skip=CKV_AWS_305: there is no page at the root: a broadcast is watched at its name.
  # checkov:skip=CKV_AWS_310: the log is in one bucket; another origin would have nothing to send.
  # checkov:skip=CKV_AWS_374: who may watch where is the operator's to say, not this module's.
  # checkov:skip=CKV2_AWS_42: `domain_name` and `certificate_arn` set one; without, the name and certificate are CloudFront's.
  comment         = "${var.name}: playback"
  enabled         = true
  is_ipv6_enabled = true
  # Low-latency HLS wants HTTP/2 or later.
  http_version = "http2and3"
  price_class  = var.price_class
  web_acl_id   = var.web_acl_arn
  aliases      = var.domain_name == null ? [] : [var.domain_name]
  tags         = local.tags

  origin {
    origin_id                = local.origins.bucket
    domain_name              = module.bucket.domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.bucket.id

    origin_shield {
      enabled              = true
      origin_shield_region = local.origin_shield_region
    }
  }

  # The function chooses it, for the paths of segments.
  origin {
    origin_id                = local.origins.segments
    domain_name              = module.segments.origin.domain_name
    origin_access_control_id = module.segments.origin.access_control_id

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_keepalive_timeout = 60
      origin_read_timeout      = 30
    }

    origin_shield {
      enabled              = true
      origin_shield_region = local.origin_shield_region
    }
  }

  ordered_cache_behavior {
    path_pattern               = "/-/player/*"
    target_origin_id           = local.origins.bucket
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.optimized.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.viewers.id
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.text_behaviours

    content {
      path_pattern               = ordered_cache_behavior.value.pattern
      target_origin_id           = local.origins.bucket
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD", "OPTIONS"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      cache_policy_id            = aws_cloudfront_cache_policy.text[ordered_cache_behavior.value.policy].id
      origin_request_policy_id   = aws_cloudfront_origin_request_policy.text[ordered_cache_behavior.value.policy].id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.viewers.id

      function_association {
        event_type   = "viewer-request"
        function_arn = aws_cloudfront_function.normalise.arn
      }

      lambda_function_association {
        event_type   = "origin-request"
        lambda_arn   = aws_lambda_function.edge.qualified_arn
        include_body = false
      }
    }
  }

  # Media, and all else: pages, the time, what is not there.
  default_cache_behavior {
    target_origin_id           = local.origins.bucket
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.media.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.viewers.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.normalise.arn
    }

    lambda_function_association {
      event_type   = "origin-request"
      lambda_arn   = aws_lambda_function.edge.qualified_arn
      include_body = false
    }
  }

  # An error says what is so now. A second of it joins a crowd; CloudFront's own ten would keep viewers from what has come since.
  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 1
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.certificate_arn == null
    acm_certificate_arn            = var.certificate_arn
    minimum_protocol_version       = var.certificate_arn == null ? null : "TLSv1.2_2021"
    ssl_support_method             = var.certificate_arn == null ? null : "sni-only"
  }
}
