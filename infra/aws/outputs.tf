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
  value       = "https://${coalesce(var.domain_name, aws_cloudfront_distribution.playback.domain_name)}"
}

output "cloudfront_domain" {
  description = "What a CNAME of domain_name points to."
  value       = aws_cloudfront_distribution.playback.domain_name
}

output "distribution_id" {
  description = "The distribution of viewers, for invalidations."
  value       = aws_cloudfront_distribution.playback.id
}

output "bucket" {
  description = "The bucket with the broadcasts."
  value       = module.bucket.name
}

output "access_logs_bucket" {
  description = "The bucket with CloudFront's access logs; null where none are kept."
  value       = module.watch.access_logs_bucket
}

output "alarm_topics" {
  description = "Topics of SNS that alarms are published to."
  value       = module.watch.alarm_topics
}
