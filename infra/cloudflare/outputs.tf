output "ingest_url" {
  description = "Where encoders push to: INGEST_URL/NAME/manifest.mpd, or rimcast push --to INGEST_URL/NAME."
  value       = "${module.worker.url}/ingest"
}

output "push_key" {
  description = "The key that encoders show."
  value       = local.push_key
  sensitive   = true
}

output "admin_token" {
  description = "What operators show: PLAYBACK_URL/api/broadcasts, PLAYBACK_URL/-/player/status.html?broadcast=NAME."
  value       = random_password.admin_token.result
  sensitive   = true
}

output "playback_url" {
  description = "Where viewers watch: PLAYBACK_URL/NAME/, PLAYBACK_URL/NAME/index.m3u8, PLAYBACK_URL/NAME/manifest.mpd."
  value       = module.worker.url
}

output "bucket" {
  description = "The bucket with the broadcasts."
  value       = cloudflare_r2_bucket.media.name
}

output "worker" {
  description = "The Worker's name, for `wrangler tail`."
  value       = module.worker.name
}
