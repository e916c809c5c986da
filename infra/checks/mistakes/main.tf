# What the check of the modules has to find: each line that says so is wrong, and no other. See check.py.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
    cloudflare = {
      source = "cloudflare/cloudflare"
    }
    random = {
      source = "hashicorp/random"
    }
  }
}

resource "aws_s3_bucket" "misspelt" {
  buckett = "media" # wrong: Unsupported argument
}

resource "aws_lambda_permission" "incomplete" { # wrong: Missing required argument
  action    = "lambda:InvokeFunctionUrl"
  principal = "cloudfront.amazonaws.com"
}

resource "random_password" "of_another_type" {
  length = "long" # wrong: Incorrect attribute value type
}

resource "cloudflare_r2_bucket" "computed" {
  account_id    = "0123456789abcdef0123456789abcdef"
  name          = "media"
  creation_date = "2026-01-01" # wrong: Value for unconfigurable attribute
}

resource "cloudflare_r2_bucket_lifecycle" "nested_attribute" {
  account_id  = "0123456789abcdef0123456789abcdef"
  bucket_name = "media"
  rules       = [{ id = "all", enabled = true, conditions = { prefixx = "" } }] # wrong: Incorrect attribute value type
}

resource "cloudflare_r2_bucket_lifecycle" "block_for_an_attribute" {
  account_id  = "0123456789abcdef0123456789abcdef"
  bucket_name = "media"

  rules { # wrong: Unsupported block type
    id = "all"
  }
}

resource "aws_cloudfront_cache_policy" "block_within_a_block" {
  name = "media"

  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behaviour = "none" # wrong: Unsupported argument
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "twice" {
  name = "media"

  cors_config {
    access_control_allow_credentials = false
    origin_override                  = false

    access_control_allow_headers {
      items = ["Range"]
    }

    access_control_allow_methods {
      items = ["GET"]
    }

    access_control_allow_origins {
      items = ["*"]
    }
  }

  cors_config { # wrong: Too many cors_config blocks
    access_control_allow_credentials = false
    origin_override                  = false

    access_control_allow_headers {
      items = ["Range"]
    }

    access_control_allow_methods {
      items = ["GET"]
    }

    access_control_allow_origins {
      items = ["*"]
    }
  }
}

data "aws_caller_identity" "data" {
  account = "123456789012" # wrong: Unsupported argument
}

resource "cloudflare_r2_bucket" "of_no_such_place" {
  account_id = "0123456789abcdef0123456789abcdef"
  name       = "media"
  location   = "eu-central-1" # wrong: Value that there is not
}

# Nothing is said of what comes from a resource that is wrong itself.
resource "random_password" "right" {
  length = 40
}

output "of_what_there_is_not" {
  value = random_password.right.resultt # wrong: Unsupported attribute
}
