output "name" {
  description = "The function's name."
  value       = aws_lambda_function.this.function_name
}

output "origin" {
  description = "Its URL's host and how CloudFront signs requests to it, for an origin of a distribution."
  value = {
    domain_name       = trimsuffix(trimprefix(aws_lambda_function_url.this.function_url, "https://"), "/")
    access_control_id = aws_cloudfront_origin_access_control.this.id
  }
}
