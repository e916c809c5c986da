//! Ranges of bodies (RFC 9110 §14).

use super::Response;

/// What of a body to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranged {
    /// All of it.
    Whole,
    /// From the first to the last of these bytes.
    Part {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
    /// Nothing: the range is past its end (416).
    Outside,
}

impl Ranged {
    /// What a `Range` asks of a body of `size` bytes (RFC 9110 §14.2). Several ranges, or what is
    /// no range, are ignored, as the RFC allows.
    pub fn of(range: Option<&str>, size: u64) -> Self {
        let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else {
            return Self::Whole;
        };
        let Some((first, last)) = spec.split_once('-') else { return Self::Whole };
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        match (first.trim(), last.trim()) {
            ("", suffix) => match number(suffix) {
                Some(0) => Self::Outside,
                Some(_) if size == 0 => Self::Outside,
                Some(bytes) => Self::Part { first: size.saturating_sub(bytes), last: size.saturating_sub(1) },
                None => Self::Whole,
            },
            (first, last) => match (number(first), number(last), last.is_empty()) {
                (Some(first), Some(last), _) if first > last => Self::Whole,
                (Some(first), _, true) | (Some(first), Some(_), _) if first >= size => Self::Outside,
                (Some(first), _, true) => Self::Part { first, last: size.saturating_sub(1) },
                (Some(first), Some(last), _) => Self::Part { first, last: last.min(size.saturating_sub(1)) },
                _ => Self::Whole,
            },
        }
    }
}

impl Response {
    /// This response made one of the range that was asked for (`Range`, but not beside an `If-Range`: no
    /// validator is ever sent, so that names something else), of a body of `size` bytes; and what to
    /// send of that. A range past the end is a 416.
    #[must_use]
    pub fn ranged(self, range: Option<&str>, size: u64) -> (Self, Ranged) {
        let ranged = Ranged::of(range, size);
        let response = match ranged {
            Ranged::Whole => Self { range: Some(None), ..self },
            Ranged::Part { first, last } => {
                Self { status: 206, range: Some(Some(format!("bytes {first}-{last}/{size}"))), ..self }
            }
            Ranged::Outside => Self {
                range: Some(Some(format!("bytes */{size}"))),
                ..Self::error(416, "the range is past the end")
            },
        };
        (response, ranged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Body;

    #[test]
    fn ranges() {
        let part = |first, last| Ranged::Part { first, last };
        for (range, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=2-", 10, part(2, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-30", 10, part(0, 9)),
            ("bytes=9-99", 10, part(9, 9)),
            ("bytes= 2 - 5 ", 10, part(2, 5)),
            ("bytes=0-99999999999999999999999", 10, part(0, 9)),
            ("bytes=10-", 10, Ranged::Outside),
            ("bytes=10-12", 10, Ranged::Outside),
            ("bytes=99999999999999999999999-", 10, Ranged::Outside),
            ("bytes=-0", 10, Ranged::Outside),
            ("bytes=0-", 0, Ranged::Outside),
            ("bytes=-1", 0, Ranged::Outside),
            ("bytes=5-2", 10, Ranged::Whole),
            ("bytes=1-2,4-5", 10, Ranged::Whole),
            ("bytes=-", 10, Ranged::Whole),
            ("bytes=a-b", 10, Ranged::Whole),
            ("bytes=+1-2", 10, Ranged::Whole),
            ("bytes=1", 10, Ranged::Whole),
            ("items=1-2", 10, Ranged::Whole),
            ("", 10, Ranged::Whole),
        ] {
            assert_eq!(Ranged::of(Some(range), size), expected, "{range} of {size}");
        }
        assert_eq!(Ranged::of(None, 10), Ranged::Whole);
    }

    #[test]
    fn responses() {
        let whole = || Response::media(Body::Empty);
        let header = |response: &Response, name| {
            response.headers().into_iter().find(|(is, _)| *is == name).map(|(_, value)| value.into_owned())
        };
        let (response, _) = whole().ranged(Some("bytes=2-5"), 10);
        assert_eq!(
            (response.status, header(&response, "content-range")),
            (206, Some("bytes 2-5/10".to_owned()))
        );
        let (response, _) = whole().ranged(Some("bytes=12-"), 10);
        assert_eq!(
            (response.status, header(&response, "content-range")),
            (416, Some("bytes */10".to_owned()))
        );
        assert_eq!(header(&response, "cache-control").as_deref(), Some("max-age=1"));
        let (response, _) = whole().ranged(None, 10);
        assert_eq!((response.status, header(&response, "accept-ranges").as_deref()), (200, Some("bytes")));
    }
}
