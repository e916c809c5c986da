//! Who may push.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::path::split_key;

/// Who may push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushAccess<'a> {
    /// Whoever shows this key.
    Key(&'a str),
    /// Whoever is on this machine.
    Loopback,
}

/// Shortest push key accepted.
const KEY_BYTES: usize = 6;

/// A push key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{KEY_BYTES} or more visible ASCII characters without spaces; `openssl rand -hex 16` makes a good one"
)]
pub struct UnusableKey;

/// Whether a push key can be shown in every way there is, and is not too easy to guess.
///
/// # Errors
///
/// What a key must be.
pub fn check_push_key(key: &str) -> Result<(), UnusableKey> {
    let fits = key.len() >= KEY_BYTES && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(UnusableKey) }
}

/// What a request shows of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// The header [`KEY`](Self::KEY).
    pub key: Option<&'a str>,
    /// It comes from this machine,
    pub from_loopback: bool,
    /// but on behalf of somebody else: it has one of the headers in [`RELAYED`](Self::RELAYED).
    pub relayed: bool,
}

impl Credentials<'_> {
    /// The push key as it is, where a CDN on the way puts an `Authorization` of its own in place of the encoder's.
    pub const KEY: &'static str = "rimcast-key";

    /// What proxies on a machine pass on, and web pages opened on it send, is not that machine's own doing.
    pub const RELAYED: [&'static str; 4] = ["forwarded", "x-forwarded-for", "via", "origin"];
}

/// Why someone may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No key.
    #[error(
        "this server wants its push key: as the password in the URL (https://any:KEY@host/ingest/…), as \
         `Authorization: Bearer KEY` or `Rimcast-Key: KEY`, or in the path (/ingest/key=KEY/…)"
    )]
    NoKey,
    /// A wrong one.
    #[error("the push key is wrong")]
    WrongKey,
    /// From elsewhere, and there is no key.
    #[error("without a push key only this machine may push; set one (see the README) to allow others")]
    NotLoopback,
}

impl Denied {
    /// The HTTP status; with a 401 goes a `WWW-Authenticate` of [`Self::CHALLENGE`].
    pub fn status(self) -> u16 {
        match self {
            Denied::NoKey => 401,
            Denied::WrongKey | Denied::NotLoopback => 403,
        }
    }

    /// Encoders that know a key only show it when asked for it.
    pub const CHALLENGE: &'static str = "Basic realm=\"rimcast\", charset=\"UTF-8\"";
}

impl PushAccess<'_> {
    /// Whether a request to `/ingest/{path}` may push.
    ///
    /// # Errors
    ///
    /// Why it may not.
    pub fn check(self, path: &str, shown: &Credentials<'_>) -> Result<(), Denied> {
        match self {
            Self::Key(key) => {
                let in_path = split_key(path).0.map(|key| key.as_bytes().to_vec());
                let in_header = || shown.key.map(|key| key.as_bytes().to_vec());
                let authorized = || shown.authorization.and_then(shown_key);
                let shown = in_path.or_else(in_header).or_else(authorized).ok_or(Denied::NoKey)?;
                if bool::from(shown.ct_eq(key.as_bytes())) { Ok(()) } else { Err(Denied::WrongKey) }
            }
            Self::Loopback if shown.from_loopback && !shown.relayed => Ok(()),
            Self::Loopback => Err(Denied::NotLoopback),
        }
    }
}

/// The key in `Authorization`: a Bearer token, or a Basic password.
fn shown_key(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.as_bytes().to_vec());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(credentials).ok()?;
        let (_, password) = pair.split_at_checked(pair.iter().position(|b| *b == b':')?)?;
        return Some(password.get(1..)?.to_vec());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_key_everyone_must_show_it() {
        let access = PushAccess::Key("sesame-12");
        let check = |authorization: Option<&str>, path: &str| {
            access.check(path, &Credentials { authorization, from_loopback: true, ..Credentials::default() })
        };
        for right in
            ["Bearer sesame-12", "bearer  sesame-12", "Basic YW55OnNlc2FtZS0xMg==", "Basic OnNlc2FtZS0xMg=="]
        {
            assert_eq!(check(Some(right), "show/x.mp4"), Ok(()), "{right}");
        }
        for wrong in ["Bearer sesame-1", "Bearer sesame-123", "Bearer ", "Basic c2VzYW1lLTEyOg=="] {
            assert_eq!(check(Some(wrong), "show/x.mp4"), Err(Denied::WrongKey), "{wrong}");
        }
        for none in ["sesame-12", "Digest sesame-12", "Basic ???", "Basic c2VzYW1lLTEy"] {
            assert_eq!(check(Some(none), "show/x.mp4"), Err(Denied::NoKey), "{none}");
        }
        assert_eq!(check(None, "show/x.mp4"), Err(Denied::NoKey));
        assert_eq!(check(None, "key=sesame-12/show/x.mp4"), Ok(()));
        assert_eq!(check(Some("Bearer sesame-12"), "key=sesame/show/x.mp4"), Err(Denied::WrongKey));
        // A CDN signs what it sends on with an Authorization of its own.
        let authorization = Some("AWS4-HMAC-SHA256 Credential=x");
        for (key, answer) in [("sesame-12", Ok(())), ("sesame", Err(Denied::WrongKey))] {
            let shown = Credentials { authorization, key: Some(key), ..Credentials::default() };
            assert_eq!(access.check("show/x.mp4", &shown), answer, "{key}");
        }
    }

    #[test]
    fn without_a_key_only_this_machine_may() {
        let check = |from_loopback, relayed| {
            let shown = Credentials { from_loopback, relayed, ..Credentials::default() };
            PushAccess::Loopback.check("show/x.mp4", &shown)
        };
        assert_eq!(check(true, false), Ok(()));
        for (from_loopback, relayed) in [(true, true), (false, false), (false, true)] {
            assert_eq!(check(from_loopback, relayed), Err(Denied::NotLoopback));
        }
        assert_eq!((Denied::NoKey.status(), Denied::NotLoopback.status()), (401, 403));
    }
}
