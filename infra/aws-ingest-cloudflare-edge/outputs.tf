output "ingest_url" {
  description = "Where encoders push to: rimcast push --to INGEST_URL/NAME."
  value       = module.ingest.url
}

output "push_key" {
  description = "The key that encoders show."
  value       = module.ingest.push_key
  sensitive   = true
}

output "playback_url" {
  description = "Where viewers watch: PLAYBACK_URL/NAME/, PLAYBACK_URL/NAME/index.m3u8, PLAYBACK_URL/NAME/manifest.mpd."
  value       = module.worker.url
}

output "bucket" {
  description = "The bucket with the broadcasts."
  value       = module.bucket.name
}

output "worker" {
  description = "The Worker's name, for `wrangler tail`."
  value       = module.worker.name
}

output "access_logs_bucket" {
  description = "The bucket with CloudFront's access logs; null where none are kept."
  value       = module.watch.access_logs_bucket
}

output "alarm_topics" {
  description = "Topics of SNS that alarms are published to."
  value       = module.watch.alarm_topics
}
