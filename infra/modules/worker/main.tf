# The Worker: what wrangler.toml says of it, said to Terraform.

locals {
  content_types = {
    js   = "application/javascript+module"
    mjs  = "application/javascript+module"
    wasm = "application/wasm"
  }

  worker_dir = "${var.package_dir}/worker"
  # Beside what is uploaded as assets, wrangler's bundle has modules, and notes that are nobody's.
  modules = [for file in fileset(local.worker_dir, "*") : file if can(local.content_types[reverse(split(".", file))[0]])]
}

resource "cloudflare_worker" "this" {
  account_id = var.account_id
  name       = var.name
  tags       = var.tags

  observability = {
    enabled = true
  }

  # Where there is a domain of one's own, viewers get one address, and the cache one name.
  subdomain = {
    enabled          = var.domain == null
    previews_enabled = false
  }
}

resource "cloudflare_worker_version" "this" {
  account_id         = var.account_id
  worker_id          = cloudflare_worker.this.id
  compatibility_date = "2026-11-01"
  main_module        = "entry.js"
  # All traffic goes to the new version at once, and its objects exist from then on.
  deploy = true

  modules = [
    for file in local.modules : {
      name         = file
      content_type = local.content_types[reverse(split(".", file))[0]]
      content_file = "${local.worker_dir}/${file}"
    }
  ]

  # The player page.
  assets = {
    directory = "${local.worker_dir}/assets"
    config = {
      html_handling = "none"
    }
  }

  # Viewers' requests go through the cache to the packager; the gateway, which sees every request, is before it.
  cache_options = {
    enabled = true
  }

  # Declared so, objects need no migrations: what is declared and not there is made.
  exports = {
    default       = { type = "worker", cache = { enabled = false } }
    Packager      = { type = "worker", cache = { enabled = true } }
    IngestObject  = { type = "durable-object", storage = "sqlite" }
    WaitingObject = { type = "durable-object", storage = "sqlite" }
  }

  bindings = concat(
    [
      { type = "assets", name = "ASSETS" },
      { type = "durable_object_namespace", name = "INGEST", class_name = "IngestObject" },
      { type = "durable_object_namespace", name = "WAITING", class_name = "WaitingObject" },
    ],
    [for name, text in var.variables : { type = "plain_text", name = name, text = text }],
    [for name in var.secret_names : { type = "secret_text", name = name, text = var.secrets[name] }],
    var.r2_bucket == null ? [] : [
      { type = "r2_bucket", name = "MEDIA", bucket_name = var.r2_bucket.name, jurisdiction = var.r2_bucket.jurisdiction },
    ],
  )

  lifecycle {
    precondition {
      condition     = fileexists("${local.worker_dir}/entry.js") && length(local.modules) > 1
      error_message = "There is no Worker in ${local.worker_dir}. Run `cargo xtask package` first."
    }
  }
}

resource "cloudflare_workers_custom_domain" "this" {
  count = var.domain == null ? 0 : 1

  account_id = var.account_id
  zone_id    = var.domain.zone_id
  hostname   = var.domain.hostname
  service    = cloudflare_worker.this.name

  # Before there is a version there is nothing to send requests to.
  depends_on = [cloudflare_worker_version.this]
}
