output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.bucket
}

output "arn" {
  description = "Its ARN."
  value       = aws_s3_bucket.this.arn
}

output "domain_name" {
  description = "Its name in its region, as an origin of CloudFront wants it."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
