# The player page: files beside the broadcasts, under a name that no broadcast can have.

locals {
  player_dir = "${local.package_dir}/worker/assets/-/player"

  content_types = {
    css  = "text/css; charset=utf-8"
    html = "text/html; charset=utf-8"
    js   = "text/javascript; charset=utf-8"
  }
}

resource "aws_s3_object" "player" {
  # checkov:skip=CKV_AWS_186: the page is public; S3 encrypts it with its own key.
  for_each = fileset(local.player_dir, "**")

  bucket        = module.bucket.name
  key           = "-/player/${each.value}"
  source        = "${local.player_dir}/${each.value}"
  source_hash   = filemd5("${local.player_dir}/${each.value}")
  content_type  = local.content_types[reverse(split(".", each.value))[0]]
  cache_control = "max-age=60"
  tags          = local.tags
}
