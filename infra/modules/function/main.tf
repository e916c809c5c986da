# A Lambda function behind a URL that only one CloudFront distribution may call.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  log_group_arn = join(":", [
    "arn:aws:logs", data.aws_region.current.region, data.aws_caller_identity.current.account_id,
    "log-group", "/aws/lambda/${var.name}",
  ])
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158: the log holds names and sentences, no media and no keys; CloudWatch encrypts it with its own key.
  # checkov:skip=CKV_AWS_338: what went wrong with a broadcast is looked up within weeks; `log_retention_days` may say otherwise.

  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_iam_role" "this" {
  name        = var.name
  description = var.description
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "what-it-does"
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${local.log_group_arn}:*"
    }], var.policy_statements)
  })
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_50: one hop, to S3; what it takes is in the log.
  # checkov:skip=CKV_AWS_115: `reserved_concurrency` does that; unset, broadcasts share what the account has.
  # checkov:skip=CKV_AWS_116: it is called by HTTP, and whoever calls hears of a failure; no event is left over.
  # checkov:skip=CKV_AWS_117: it speaks to S3 alone, with its role; in a VPC it would need a gateway to do so.
  # checkov:skip=CKV_AWS_173: Lambda encrypts the environment at rest; a key of one's own would cost a call to KMS at each start.
  # checkov:skip=CKV_AWS_272: the package is built from this repository and named by its hash.

  function_name    = var.name
  description      = var.description
  role             = aws_iam_role.this.arn
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  handler          = "bootstrap"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  memory_size      = var.memory_mb
  timeout          = var.timeout_s
  tags             = var.tags

  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_function_url" "this" {
  function_name      = aws_lambda_function.this.function_name
  authorization_type = "AWS_IAM"
  invoke_mode        = var.invoke_mode
}

# Both are asked for, since October 2025, of whoever calls a function by its URL.
resource "aws_lambda_permission" "url" {
  statement_id           = "cloudfront-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.this.function_name
  principal              = "cloudfront.amazonaws.com"
  source_arn             = var.distribution_arn
  function_url_auth_type = "AWS_IAM"
}

resource "aws_lambda_permission" "function" {
  statement_id             = "cloudfront-function"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.this.function_name
  principal                = "cloudfront.amazonaws.com"
  source_arn               = var.distribution_arn
  invoked_via_function_url = true
}

# With it CloudFront signs what it asks for, and nobody else can.
resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.name
  description                       = var.description
  origin_access_control_origin_type = "lambda"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}
