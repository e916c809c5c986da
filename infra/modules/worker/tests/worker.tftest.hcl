mock_provider "cloudflare" {}

variables {
  account_id   = "0123456789abcdef0123456789abcdef"
  name         = "rimcast"
  variables    = { PART_MS = "500" }
  secret_names = ["PUSH_KEY"]
  secrets      = { PUSH_KEY = "a-key-of-my-own-0123456789" }
  r2_bucket    = { name = "rimcast-media", jurisdiction = null }
}

run "only_the_packager_is_behind_the_cache" {
  command = plan

  assert {
    condition     = { for name, export in cloudflare_worker_version.this.exports : name => export.cache.enabled if export.type == "worker" } == { default = false, Packager = true }
    error_message = "The gateway sees every request, the packager what the cache has not."
  }

  assert {
    condition     = toset([for name, export in cloudflare_worker_version.this.exports : name if try(export.storage, null) == "sqlite"]) == toset(["IngestObject", "WaitingObject"])
    error_message = "The Worker has two objects."
  }

  assert {
    condition     = contains(cloudflare_worker_version.this.modules[*].name, "entry.js") && anytrue([for module in cloudflare_worker_version.this.modules : module.content_type == "application/wasm"])
    error_message = "The Worker is JavaScript and Wasm."
  }

  assert {
    condition = toset([for binding in nonsensitive(cloudflare_worker_version.this.bindings) : "${binding.type} ${binding.name}"]) == toset([
      "assets ASSETS", "durable_object_namespace INGEST", "durable_object_namespace WAITING", "plain_text PART_MS",
      "secret_text PUSH_KEY", "r2_bucket MEDIA",
    ])
    error_message = "The Worker is bound to other things than it uses."
  }
}

run "one_address" {
  command = plan

  variables {
    domain = { hostname = "live.example.com", zone_id = "0123456789abcdef0123456789abcdef" }
  }

  assert {
    condition     = !cloudflare_worker.this.subdomain.enabled && length(cloudflare_workers_custom_domain.this) == 1
    error_message = "With a domain there is no second address."
  }
}

run "without_r2" {
  command = plan

  variables {
    r2_bucket = null
  }

  assert {
    condition     = !contains([for binding in nonsensitive(cloudflare_worker_version.this.bindings) : binding.type], "r2_bucket")
    error_message = "There is no bucket of R2 to bind."
  }
}
