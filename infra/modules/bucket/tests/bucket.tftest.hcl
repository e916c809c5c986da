mock_provider "aws" {}

variables {
  name                = "some-bucket"
  expiration_days     = 7
  expiration_prefixes = ["a", "b"]
}

run "nobody_gets_in" {
  command = plan

  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "The bucket could be made public."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access lists are not off."
  }
}

run "what_is_said_to_expire_expires" {
  command = plan

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : [rule.filter[0].prefix, rule.expiration[0].days] if length(rule.expiration) > 0
    ] == [["a", 7], ["b", 7]]
    error_message = "Other objects expire, or at another time."
  }
}

run "without_days_nothing_expires" {
  command = plan

  variables {
    expiration_days = null
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : length(rule.expiration) == 0])
    error_message = "Something expires."
  }
}

run "names_are_s3s" {
  command = plan

  variables {
    name = "Some_Bucket"
  }

  expect_failures = [var.name]
}
