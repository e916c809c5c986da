output "access_logs_bucket" {
  description = "The bucket with the access logs; null where none are kept."
  value       = one(module.access_logs[*].bucket)
}

output "alarm_topics" {
  description = "The topics that alarms are published to."
  value       = [module.cloudfront_alarms.topic_arn, module.lambda_alarms.topic_arn]
}
