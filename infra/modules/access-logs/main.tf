# CloudFront's access logs, in a bucket of their own. Both are in us-east-1, where CloudFront hands its logs over.

module "bucket" {
  source = "../bucket"

  name            = var.bucket_name
  region          = "us-east-1"
  force_destroy   = var.force_destroy
  expiration_days = var.retention_days
  tags            = var.tags

  policy_statements = [{
    Sid       = "Delivery"
    Effect    = "Allow"
    Principal = { Service = "delivery.logs.amazonaws.com" }
    Action    = "s3:PutObject"
    Resource  = "arn:aws:s3:::${var.bucket_name}/*"
    Condition = {
      StringEquals = { "aws:SourceAccount" = var.account_id }
      ArnLike      = { "aws:SourceArn" = "arn:aws:logs:us-east-1:${var.account_id}:delivery-source:*" }
    }
  }]
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  name          = var.bucket_name
  region        = "us-east-1"
  output_format = "json"
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = module.bucket.arn
  }
}

resource "aws_cloudwatch_log_delivery_source" "this" {
  for_each = var.distribution_arns

  name         = each.key
  region       = "us-east-1"
  log_type     = "ACCESS_LOGS"
  resource_arn = each.value
  tags         = var.tags
}

resource "aws_cloudwatch_log_delivery" "this" {
  for_each = var.distribution_arns

  region                   = "us-east-1"
  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[each.key].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this.arn
  tags                     = var.tags

  s3_delivery_configuration {
    enable_hive_compatible_path = false
    suffix_path                 = "/${each.key}/{yyyy}/{MM}/{dd}/{HH}"
  }

  # Its policy has to be there: whoever delivers tries it first.
  depends_on = [module.bucket]
}
