# A bucket that nobody reads but by name: no public access, no access lists, TLS only, encrypted.

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18: what viewers read is in CloudFront's logs; S3's own would record every part a second time.
  # checkov:skip=CKV_AWS_21: objects are created once and never replaced, but for checkpoints, whose old versions say nothing.
  # checkov:skip=CKV_AWS_144: a broadcast is live; a copy in another region would come too late and cost as much again.
  # checkov:skip=CKV_AWS_145: keys of one's own cost a request to KMS for each part; S3 encrypts with its own (AES-256).
  # checkov:skip=CKV2_AWS_62: nobody listens: readers know the next key, and ask for it.

  bucket        = var.name
  region        = var.region
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  region                  = var.region
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  # checkov:skip=CKV_AWS_300: the first rule does that; checkov does not see it beside a dynamic one.
  bucket = aws_s3_bucket.this.id
  region = var.region

  rule {
    id     = "uploads-that-were-given-up"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  dynamic "rule" {
    for_each = var.expiration_days == null ? [] : var.expiration_prefixes

    content {
      id     = "expire-${rule.value == "" ? "all" : rule.value}"
      status = "Enabled"

      filter {
        prefix = rule.value
      }

      expiration {
        days = var.expiration_days
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  region = var.region

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }], var.policy_statements)
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}
