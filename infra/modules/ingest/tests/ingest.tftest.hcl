mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

mock_provider "random" {}

variables {
  name   = "rimcast"
  bucket = { name = "media", arn = "arn:aws:s3:::media" }
}

run "encoders_hear_what_is_so_now" {
  command = plan

  assert {
    condition     = alltrue([for error in aws_cloudfront_distribution.this.custom_error_response : error.error_caching_min_ttl == 0])
    error_message = "An encoder is told of an error that is over."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "https-only" && contains(aws_cloudfront_distribution.this.default_cache_behavior[0].allowed_methods, "PUT")
    error_message = "Encoders PUT, over TLS."
  }

  assert {
    condition     = length(random_password.push_key) == 1 && random_password.push_key[0].length >= 32
    error_message = "A key is made where none is given."
  }
}

run "a_key_of_ones_own" {
  command = plan

  variables {
    push_key = "a-key-of-my-own-0123456789"
  }

  assert {
    condition     = length(random_password.push_key) == 0 && output.push_key == "a-key-of-my-own-0123456789"
    error_message = "The key that is given counts."
  }
}

run "short_keys_are_refused" {
  command = plan

  variables {
    push_key = "sesame"
  }

  expect_failures = [var.push_key]
}
