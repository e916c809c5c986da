//! Who may push.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, FORWARDED, ORIGIN, VIA};
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq as _;

/// Who may push.
#[derive(Clone)]
pub(crate) enum PushAccess {
    /// Whoever shows this key.
    Key(String),
    /// Whoever is on this machine.
    Loopback,
}

/// Why someone may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// No key.
    #[error(
        "this server wants its push key: as the password in the URL (https://any:KEY@host/ingest/…), as \
         `Authorization: Bearer KEY`, or in the path (/ingest/key=KEY/…)"
    )]
    NoKey,
    /// A wrong one.
    #[error("the push key is wrong")]
    WrongKey,
    /// From elsewhere, and there is no key.
    #[error(
        "without a push key only this machine may push; start the server with --push-key to allow others"
    )]
    NotLoopback,
}

impl Denied {
    /// The HTTP status.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Denied::NoKey => StatusCode::UNAUTHORIZED,
            Denied::WrongKey | Denied::NotLoopback => StatusCode::FORBIDDEN,
        }
    }
}

impl PushAccess {
    /// As the settings have it.
    pub(crate) fn new(push_key: Option<&str>) -> Self {
        push_key.map_or(Self::Loopback, |key| Self::Key(key.to_owned()))
    }

    /// Whether a request from `peer` with these headers, and perhaps a key in its path, may push.
    pub(crate) fn check(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        in_path: Option<&str>,
    ) -> Result<(), Denied> {
        match self {
            Self::Key(key) => {
                let in_path = in_path.map(|key| key.as_bytes().to_vec());
                let shown = in_path.or_else(|| shown_key(headers)).ok_or(Denied::NoKey)?;
                if bool::from(shown.ct_eq(key.as_bytes())) { Ok(()) } else { Err(Denied::WrongKey) }
            }
            Self::Loopback => {
                // What a proxy on this machine passes on, or a web page opened on it sends, is not
                // this machine's own doing.
                let is_relayed = headers.contains_key(FORWARDED)
                    || headers.contains_key("x-forwarded-for")
                    || headers.contains_key(VIA)
                    || headers.contains_key(ORIGIN);
                let is_own = peer.to_canonical().is_loopback() && !is_relayed;
                if is_own { Ok(()) } else { Err(Denied::NotLoopback) }
            }
        }
    }
}

/// The key in `Authorization`: a Bearer token, or a Basic password.
fn shown_key(headers: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(credentials).ok()?;
        let colon = pair.iter().position(|b| *b == b':')?;
        return Some(pair[colon + 1..].to_vec());
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn with_a_key_everyone_must_show_it() {
        let access = PushAccess::new(Some("sesame-12"));
        let check =
            |authorization: &str| access.check(REMOTE, &headers(&[("authorization", authorization)]), None);
        assert_eq!(check("Bearer sesame-12"), Ok(()));
        assert_eq!(check("bearer  sesame-12"), Ok(()));
        assert_eq!(check(&format!("Basic {}", STANDARD.encode("any:sesame-12"))), Ok(()));
        assert_eq!(check(&format!("Basic {}", STANDARD.encode(":sesame-12"))), Ok(()));
        for wrong in ["Bearer sesame-1", "Bearer sesame-123", "Bearer ", "Basic c2VzYW1lLTEyOg=="] {
            assert_eq!(check(wrong), Err(Denied::WrongKey), "{wrong}");
        }
        for none in ["sesame-12", "Digest sesame-12", "Basic ???", "Basic c2VzYW1lLTEy"] {
            assert_eq!(check(none), Err(Denied::NoKey), "{none}");
        }
        assert_eq!(access.check(LOCAL, &headers(&[]), None), Err(Denied::NoKey));
        assert_eq!(access.check(REMOTE, &headers(&[]), Some("sesame-12")), Ok(()));
        assert_eq!(access.check(REMOTE, &headers(&[]), Some("sesame")), Err(Denied::WrongKey));
    }

    #[test]
    fn without_a_key_only_this_machine_may() {
        let access = PushAccess::new(None);
        assert_eq!(access.check(LOCAL, &headers(&[]), None), Ok(()));
        assert_eq!(access.check(Ipv6Addr::LOCALHOST.into(), &headers(&[]), None), Ok(()));
        assert_eq!(access.check(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), &headers(&[]), None), Ok(()));
        assert_eq!(access.check(REMOTE, &headers(&[]), None), Err(Denied::NotLoopback));
        for relayed in ["forwarded", "x-forwarded-for", "via", "origin"] {
            assert_eq!(
                access.check(LOCAL, &headers(&[(relayed, "x")]), None),
                Err(Denied::NotLoopback),
                "{relayed}"
            );
        }
        assert_eq!(
            (Denied::NoKey.status(), Denied::NotLoopback.status().as_u16()),
            (StatusCode::UNAUTHORIZED, 403)
        );
    }
}
