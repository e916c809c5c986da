# `terraform test`: what would be made, without making it. Needs what `cargo xtask package` builds, and no credentials.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

mock_provider "cloudflare" {}
mock_provider "random" {}

variables {
  cloudflare_account_id = "0123456789abcdef0123456789abcdef"
  domain                = { hostname = "live.example.com", zone_id = "0123456789abcdef0123456789abcdef" }
}

run "push_there_and_watch_here" {
  command = plan

  assert {
    condition     = output.playback_url == "https://live.example.com"
    error_message = "Viewers are on Cloudflare."
  }

  assert {
    condition     = output.bucket == "rimcast-media-123456789012-eu-central-1"
    error_message = "The bucket is AWS's."
  }

  assert {
    condition     = output.access_logs_bucket != null
    error_message = "Access logs are kept unless it is said otherwise."
  }
}

run "the_worker_reads_and_nothing_else" {
  command = plan

  assert {
    condition     = toset(jsondecode(aws_iam_user_policy.worker.policy).Statement[*].Action) == toset(["s3:GetObject", "s3:ListBucket"])
    error_message = "The Worker may do more than it does."
  }

  assert {
    condition = toset(jsondecode(aws_iam_user_policy.worker.policy).Statement[*].Resource) == toset([
      "arn:aws:s3:::rimcast-media-123456789012-eu-central-1", "arn:aws:s3:::rimcast-media-123456789012-eu-central-1/*",
    ])
    error_message = "The Worker reads more than its bucket."
  }
}
