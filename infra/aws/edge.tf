# Lambda@Edge: the packager. It lives in us-east-1, and CloudFront copies it to where it runs.

locals {
  edge_name    = "${var.name}-edge"
  edge_package = "${local.package_dir}/lambda-edge.zip"
}

resource "aws_iam_role" "edge" {
  name        = local.edge_name
  description = "Lambda@Edge answers playlists and manifests, and waits for parts"
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["lambda.amazonaws.com", "edgelambda.amazonaws.com"] }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "edge" {
  name = "what-it-does"
  role = aws_iam_role.edge.id

  policy = jsonencode({
    Version = "2012-10-17"
    # Its logs are in the regions where it ran, so that it has to make their groups itself.
    Statement = concat(local.read_bucket, [{
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:*:${local.account_id}:log-group:/aws/lambda/us-east-1.${local.edge_name}:*"
    }])
  })
}

resource "aws_lambda_function" "edge" {
  # checkov:skip=CKV_AWS_50: Lambda@Edge has no X-Ray.
  # checkov:skip=CKV_AWS_115: Lambda@Edge cannot be given a part of the account's concurrency.
  # checkov:skip=CKV_AWS_116: CloudFront waits for its answer; no event is left over.
  # checkov:skip=CKV_AWS_117: Lambda@Edge cannot be in a VPC.
  # checkov:skip=CKV_AWS_272: the package is built from this repository and named by its hash.
  function_name    = local.edge_name
  description      = "Answers playlists and manifests, and waits for parts"
  region           = "us-east-1"
  role             = aws_iam_role.edge.arn
  runtime          = "nodejs22.x"
  architectures    = ["x86_64"]
  handler          = "index.handler"
  filename         = local.edge_package
  source_code_hash = fileexists(local.edge_package) ? filebase64sha256(local.edge_package) : null
  memory_size      = var.edge_memory_mb
  # A request is held for 9 s at most.
  timeout = 15
  publish = true
  tags    = local.tags

  depends_on = [aws_iam_role_policy.edge]

  lifecycle {
    precondition {
      condition     = fileexists(local.edge_package) && length(fileset(local.player_dir, "**")) > 0
      error_message = "There is no ${local.edge_package}, or no ${local.player_dir}. Run `cargo xtask package` first."
    }
  }
}
