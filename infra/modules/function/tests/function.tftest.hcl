mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name               = "some-function"
  description        = "Does something"
  environment        = {}
  distribution_arn   = "arn:aws:cloudfront::123456789012:distribution/EXAMPLE"
  memory_mb          = 512
  timeout_s          = 20
  log_retention_days = 30
  policy_statements  = [{ Sid = "Objects", Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::media/*" }]
}

run "only_its_distribution_calls_it" {
  command = plan

  # Any file will do.
  variables {
    package = "main.tf"
  }

  assert {
    condition     = aws_lambda_function_url.this.authorization_type == "AWS_IAM"
    error_message = "Anyone may call it."
  }

  assert {
    condition = alltrue([
      for permission in [aws_lambda_permission.url, aws_lambda_permission.function] :
      permission.principal == "cloudfront.amazonaws.com" && permission.source_arn == var.distribution_arn
    ])
    error_message = "Others than its distribution may call it."
  }

  assert {
    condition     = toset([aws_lambda_permission.url.action, aws_lambda_permission.function.action]) == toset(["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"])
    error_message = "To call a function by its URL takes two permissions."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource] == ["arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/some-function:*", "arn:aws:s3:::media/*"]
    error_message = "Its role allows more than its log and what was asked for."
  }
}

run "a_package_that_is_not_there_is_named" {
  command = plan

  variables {
    package = "nowhere/ingest.zip"
  }

  expect_failures = [var.package]
}
