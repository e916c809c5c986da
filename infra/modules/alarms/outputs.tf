output "topic_arn" {
  description = "The topic that alarms are published to."
  value       = aws_sns_topic.this.arn
}
