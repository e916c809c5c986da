# What CloudFront knows a response by, and for how long it may keep it.
#
# The query parameters here are those that the function in normalise.tf leaves, and those that the packager reads: one more, and
# the same playlist would be made for each of its values; one less, and viewers would be given somebody else's.

locals {
  keyed_by = {
    # Delivery directives of HLS; and, of the multivariant playlist, which part of a broadcast it shows.
    playlists = ["_HLS_msn", "_HLS_part", "_HLS_skip", "start", "end", "delay"]
    # What a patch of an MPD starts from.
    patches = ["from", "at", "of"]
    # Which part of a broadcast a manifest shows.
    manifests = ["start", "end", "delay"]
  }
}

resource "aws_cloudfront_cache_policy" "text" {
  for_each = local.keyed_by

  name    = "${var.name}-${each.key}"
  comment = "Text that is compressed; its own Cache-Control says for how long it is kept"

  min_ttl     = 0
  default_ttl = 1
  max_ttl     = 86400

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = length(each.value) == 0 ? "none" : "whitelist"

      dynamic "query_strings" {
        for_each = length(each.value) == 0 ? [] : [each.value]

        content {
          items = query_strings.value
        }
      }
    }
  }
}

resource "aws_cloudfront_origin_request_policy" "text" {
  for_each = local.keyed_by

  name    = "${var.name}-${each.key}"
  comment = "The packager is told what the cache goes by, and nothing of the viewer"

  cookies_config {
    cookie_behavior = "none"
  }

  headers_config {
    header_behavior = "none"
  }

  query_strings_config {
    query_string_behavior = length(each.value) == 0 ? "none" : "whitelist"

    dynamic "query_strings" {
      for_each = length(each.value) == 0 ? [] : [each.value]

      content {
        items = query_strings.value
      }
    }
  }
}

resource "aws_cloudfront_cache_policy" "media" {
  name    = "${var.name}-media"
  comment = "Media: known by its path alone, never compressed"

  min_ttl     = 0
  default_ttl = 1
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    # Were Accept-Encoding part of the key, each part would be kept once for every kind of player.
    enable_accept_encoding_brotli = false
    enable_accept_encoding_gzip   = false

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

# What the packager says in its own answers, said of those that S3 gives too.
resource "aws_cloudfront_response_headers_policy" "viewers" {
  # checkov:skip=CKV_AWS_259: whether browsers preload the domain, and its subdomains, is for its owner to say.
  name    = "${var.name}-viewers"
  comment = "Players of any page may read what is sent"

  cors_config {
    access_control_allow_credentials = false
    access_control_max_age_sec       = 86400
    origin_override                  = false

    access_control_allow_headers {
      items = ["Range", "CMCD-Object", "CMCD-Request", "CMCD-Session", "CMCD-Status"]
    }

    access_control_allow_methods {
      items = ["GET", "HEAD", "OPTIONS"]
    }

    access_control_allow_origins {
      items = ["*"]
    }

    access_control_expose_headers {
      items = ["Age", "Content-Length", "Content-Range", "Date", "Retry-After"]
    }
  }

  security_headers_config {
    content_type_options {
      override = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }
}
