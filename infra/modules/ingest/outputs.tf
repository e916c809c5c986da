output "url" {
  description = "Where `rimcast push --to` sends to, less the broadcast's name."
  value       = "https://${aws_cloudfront_distribution.this.domain_name}/ingest"
}

output "push_key" {
  description = "The key that encoders show."
  value       = local.push_key
  sensitive   = true
}

output "function_name" {
  description = "The function's name."
  value       = module.function.name
}

output "distribution" {
  description = "The distribution before it."
  value = {
    id  = aws_cloudfront_distribution.this.id
    arn = aws_cloudfront_distribution.this.arn
  }
}
