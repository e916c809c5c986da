# `terraform test`: what would be made, without making it. Needs what `cargo xtask package` builds, and no credentials.

mock_provider "cloudflare" {}
mock_provider "random" {}

variables {
  account_id = "0123456789abcdef0123456789abcdef"
}

run "at_workers_dev" {
  command = plan

  assert {
    condition     = [for rule in cloudflare_r2_bucket_lifecycle.media.rules : rule.id] == ["uploads-that-were-given-up"]
    error_message = "Nothing expires unless it is asked for."
  }
}

run "with_a_domain_and_retention" {
  command = plan

  variables {
    domain         = { hostname = "live.example.com", zone_id = "0123456789abcdef0123456789abcdef" }
    retention_days = 30
  }

  assert {
    condition     = output.playback_url == "https://live.example.com" && output.ingest_url == "https://live.example.com/ingest"
    error_message = "The domain is the address."
  }

  assert {
    condition     = [for rule in cloudflare_r2_bucket_lifecycle.media.rules : rule.delete_objects_transition.condition.max_age if rule.id == "expire-all"] == [2592000]
    error_message = "R2 counts seconds."
  }
}

run "parts_are_shorter_than_segments" {
  command = plan

  variables {
    segment_ms = 1000
    part_ms    = 600
  }

  expect_failures = [var.part_ms]
}

run "locations_are_r2s" {
  command = plan

  variables {
    location = "eu-central-1"
  }

  expect_failures = [var.location]
}
