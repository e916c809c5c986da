# `terraform test`: what would be made, without making it. Needs what `cargo xtask package` builds, and no credentials.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-north-1" }
  }
}

mock_provider "random" {}

variables {
  alarm_email    = "operator@example.com"
  retention_days = 30
}

run "viewers_are_told_apart_by_nothing_else" {
  command = plan

  assert {
    condition = jsonencode({
      for kind, policy in aws_cloudfront_cache_policy.text : kind =>
      sort(flatten([for strings in policy.parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_strings : tolist(strings.items)]))
      }) == jsonencode({
      playlists = ["_HLS_msn", "_HLS_part", "_HLS_skip", "delay", "end", "start"]
      patches   = ["at", "from", "of"]
      manifests = ["delay", "end", "start"]
    })
    error_message = "The cache goes by other parameters than the packager."
  }

  assert {
    condition = alltrue([
      for kind, policy in aws_cloudfront_origin_request_policy.text :
      sort(flatten([for strings in policy.query_strings_config[0].query_strings : tolist(strings.items)])) == sort(local.keyed_by[kind])
      && policy.headers_config[0].header_behavior == "none" && policy.cookies_config[0].cookie_behavior == "none"
    ])
    error_message = "The packager is told more, or less, than the cache goes by."
  }

  assert {
    condition = alltrue([
      for policy in concat(values(aws_cloudfront_cache_policy.text), [aws_cloudfront_cache_policy.media]) :
      policy.parameters_in_cache_key_and_forwarded_to_origin[0].headers_config[0].header_behavior == "none"
      && policy.parameters_in_cache_key_and_forwarded_to_origin[0].cookies_config[0].cookie_behavior == "none"
    ])
    error_message = "Something of the viewer is in the cache's key."
  }

  assert {
    condition     = aws_cloudfront_cache_policy.media.parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_string_behavior == "none"
    error_message = "Media has one URL."
  }
}

run "every_path_of_the_packager_goes_through_it" {
  command = plan

  assert {
    condition = alltrue([
      for behaviour in concat(
        [for behaviour in aws_cloudfront_distribution.playback.ordered_cache_behavior : behaviour if behaviour.path_pattern != "/-/player/*"],
        aws_cloudfront_distribution.playback.default_cache_behavior,
      ) :
      [for edge in behaviour.lambda_function_association : [edge.event_type, edge.include_body]] == [["origin-request", false]]
      && [for function in behaviour.function_association : function.event_type] == ["viewer-request"]
      && toset(behaviour.allowed_methods) == toset(["GET", "HEAD", "OPTIONS"])
      && behaviour.viewer_protocol_policy == "redirect-to-https"
    ])
    error_message = "A behaviour has no packager, or is more than one for viewers."
  }

  assert {
    condition     = aws_lambda_function.edge.region == "us-east-1" && aws_lambda_function.edge.publish && aws_lambda_function.edge.timeout > 9 && aws_lambda_function.edge.timeout <= 30
    error_message = "Lambda@Edge is published in us-east-1, holds for 9 s, and is ended by CloudFront after 30."
  }

  assert {
    condition     = aws_lambda_function.edge.architectures == tolist(["x86_64"]) && aws_lambda_function.edge.runtime == "nodejs22.x" && length(aws_lambda_function.edge.environment) == 0
    error_message = "Lambda@Edge runs on x86_64, and has no environment."
  }
}

run "requests_are_joined_before_the_origin" {
  command = plan

  assert {
    condition = alltrue([
      for origin in aws_cloudfront_distribution.playback.origin :
      [for shield in origin.origin_shield : [shield.enabled, shield.origin_shield_region]] == [[true, "eu-west-2"]]
    ])
    error_message = "An origin has no Origin Shield, or not the nearest one."
  }

  assert {
    condition     = toset([for origin in aws_cloudfront_distribution.playback.origin : origin.origin_id]) == toset(["bucket", "segments"])
    error_message = "The function chooses an origin called segments."
  }
}

run "no_error_outlives_a_second" {
  command = plan

  assert {
    condition = jsonencode({
      for error in aws_cloudfront_distribution.playback.custom_error_response : error.error_code => error.error_caching_min_ttl
      }) == jsonencode({
      for code in [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504] : code => 1
    })
    error_message = "CloudFront keeps an error for ten seconds if it is not told otherwise."
  }
}

run "the_edge_reads_and_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.edge.policy).Statement : statement.Action
    ])) == toset(["s3:GetObject", "s3:ListBucket", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    error_message = "Lambda@Edge may do more than it does."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.edge.policy).Statement :
      statement.Sid == "Log" || contains([
        "arn:aws:s3:::rimcast-media-123456789012-eu-north-1", "arn:aws:s3:::rimcast-media-123456789012-eu-north-1/*",
      ], statement.Resource)
    ])
    error_message = "Lambda@Edge reads more than its bucket."
  }
}

run "with_a_domain_it_is_tls_1_2" {
  command = plan

  variables {
    domain_name     = "live.example.com"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
  }

  assert {
    condition     = aws_cloudfront_distribution.playback.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && output.playback_url == "https://live.example.com"
    error_message = "A domain has its certificate."
  }
}

run "certificates_of_other_regions_are_refused" {
  command = plan

  variables {
    domain_name     = "live.example.com"
    certificate_arn = "arn:aws:acm:eu-north-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
  }

  expect_failures = [var.certificate_arn]
}

run "a_domain_needs_a_certificate" {
  command = plan

  variables {
    domain_name = "live.example.com"
  }

  expect_failures = [var.domain_name]
}

run "half_a_day_is_no_retention" {
  command = plan

  variables {
    retention_days = 0.5
  }

  expect_failures = [var.retention_days]
}

run "without_alarms_and_logs" {
  command = plan

  variables {
    alarm_email    = null
    access_logs    = false
    retention_days = null
  }

  assert {
    condition     = output.access_logs_bucket == null
    error_message = "No logs were asked for."
  }
}
