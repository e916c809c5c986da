//! Who may push.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::path::split_key;
use crate::log::{BroadcastName, BroadcastRecord, Phase};
use crate::time::{Date, WallMs};

/// Who may push to every broadcast, and create them by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushAccess<'a> {
    /// Whoever shows this key.
    Key(&'a str),
    /// Whoever is on this machine.
    Loopback,
}

/// Who pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pusher {
    /// Someone who may push to every broadcast.
    Any,
    /// Someone who shows another key, which may be a broadcast's own: this is its hash.
    Own(KeyHash),
}

/// SHA-256 of a push key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Of a key.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// In hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// How long what was read of a broadcast's record is trusted: a key that is taken back, and an end, take effect within
/// this, in milliseconds.
pub const RECORD_TRUST_MS: i64 = 5_000;

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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// There is no such broadcast, and who asks may not create it.
    #[error(
        "there is no such broadcast, and this key does not create one; is the name in the URL right? If so, its operator \
         creates it (`rimcast broadcast create`), or you push with the server's own push key"
    )]
    Unknown,
    /// The broadcast has ended.
    #[error("the broadcast has ended at {at}{}; create another one to go on", because(.reason.as_deref()))]
    Ended {
        /// When.
        at: Date,
        /// Why, as its operator says.
        reason: Option<String>,
    },
    /// It is too early.
    #[error(
        "the broadcast takes pushes from {0} on; its operator can change its start, or how early it opens"
    )]
    Early(Date),
    /// It is too late.
    #[error(
        "the broadcast took pushes until {0}; its operator can change its end, or how long it stays open"
    )]
    Over(Date),
    /// It is a clip.
    #[error(
        "this is a clip of {0}, which shows {0}'s media and takes no pushes; push to {0}, or to a name of its own"
    )]
    Clip(BroadcastName),
    /// It is being deleted.
    #[error("a broadcast of this name is being deleted; push again when that is done")]
    BeingDeleted,
    /// The broadcast that is pushed to is not the one of this name any more.
    #[error("the broadcast was created anew since this push began; push again")]
    CreatedAnew,
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

impl Denied {
    /// The HTTP status; with a 401 goes a `WWW-Authenticate` of [`Self::CHALLENGE`].
    pub fn status(&self) -> u16 {
        match self {
            Denied::NoKey => 401,
            Denied::WrongKey | Denied::NotLoopback => 403,
            Denied::Unknown => 404,
            Denied::Ended { .. }
            | Denied::Early(_)
            | Denied::Over(_)
            | Denied::Clip(_)
            | Denied::BeingDeleted
            | Denied::CreatedAnew => 409,
        }
    }

    /// Encoders that know a key only show it when asked for it.
    pub const CHALLENGE: &'static str = "Basic realm=\"rimcast\", charset=\"UTF-8\"";
}

impl PushAccess<'_> {
    /// Who sends a request to `/ingest/{path}`. Whether they may is for the broadcast to say: [`Pusher::admit`].
    ///
    /// # Errors
    ///
    /// They show nothing that could let them push.
    pub fn check(self, path: &str, shown: &Credentials<'_>) -> Result<Pusher, Denied> {
        if self == Self::Loopback && shown.from_loopback && !shown.relayed {
            return Ok(Pusher::Any);
        }
        let in_path = split_key(path).0.map(|key| key.as_bytes().to_vec());
        let in_header = || shown.key.map(|key| key.as_bytes().to_vec());
        let authorized = || shown.authorization.and_then(shown_key);
        let key = in_path.or_else(in_header).or_else(authorized);
        match (self, key) {
            (Self::Key(_), None) => Err(Denied::NoKey),
            (Self::Loopback, None) => Err(Denied::NotLoopback),
            (Self::Key(right), Some(key)) if bool::from(key.ct_eq(right.as_bytes())) => Ok(Pusher::Any),
            (_, Some(key)) => Ok(Pusher::Own(KeyHash::of(&key))),
        }
    }
}

impl Pusher {
    /// Whether they may push to a broadcast, of which this is the record that is stored, if there is any.
    ///
    /// # Errors
    ///
    /// Why they may not.
    pub fn admit(&self, record: Option<&BroadcastRecord>, now: WallMs) -> Result<(), Denied> {
        let Some(record) = record else {
            return if *self == Self::Any { Ok(()) } else { Err(Denied::Unknown) };
        };
        let event = &record.event;
        // Whatever key is shown: none opens it.
        if let Some(clip) = &event.clip {
            return Err(Denied::Clip(clip.of.clone()));
        }
        if let Self::Own(hash) = self {
            let shown = hash.hex();
            // Every key is looked at, and all of each.
            let opens = event.keys.iter().fold(subtle::Choice::from(0), |opens, key| {
                let is_valid = key.until.is_none_or(|until| now < until.0);
                opens
                    | (key.sha256.as_bytes().ct_eq(shown.as_bytes())
                        & subtle::Choice::from(u8::from(is_valid)))
            });
            if !bool::from(opens) {
                return Err(Denied::WrongKey);
            }
        }
        if event.deleted {
            return Err(Denied::BeingDeleted);
        }
        match (event.phase(now), &event.ended, event.opens(), event.closes()) {
            (Phase::Ended, Some(ended), ..) => Err(Denied::Ended {
                at: ended.at,
                reason: ended.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            }),
            (Phase::Early, _, Some(opens), _) => Err(Denied::Early(opens)),
            (Phase::Over, .., Some(closes)) => Err(Denied::Over(closes)),
            _ => Ok(()),
        }
    }
}

/// The key in `Authorization`: a Bearer token, or a Basic password.
pub(crate) fn shown_key(authorization: &str) -> Option<Vec<u8>> {
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

    fn own(key: &str) -> Pusher {
        Pusher::Own(KeyHash::of(key.as_bytes()))
    }

    #[test]
    fn with_a_key_everyone_must_show_it() {
        let access = PushAccess::Key("sesame-12");
        let check = |authorization: Option<&str>, path: &str| {
            access.check(path, &Credentials { authorization, from_loopback: true, ..Credentials::default() })
        };
        for right in
            ["Bearer sesame-12", "bearer  sesame-12", "Basic YW55OnNlc2FtZS0xMg==", "Basic OnNlc2FtZS0xMg=="]
        {
            assert_eq!(check(Some(right), "show/x.mp4"), Ok(Pusher::Any), "{right}");
        }
        for (other, key) in [
            ("Bearer sesame-1", "sesame-1"),
            ("Bearer sesame-123", "sesame-123"),
            ("Bearer ", ""),
            ("Basic c2VzYW1lLTEyOg==", ""),
        ] {
            assert_eq!(check(Some(other), "show/x.mp4"), Ok(own(key)), "{other}");
        }
        for none in ["sesame-12", "Digest sesame-12", "Basic ???", "Basic c2VzYW1lLTEy"] {
            assert_eq!(check(Some(none), "show/x.mp4"), Err(Denied::NoKey), "{none}");
        }
        assert_eq!(check(None, "show/x.mp4"), Err(Denied::NoKey));
        assert_eq!(check(None, "key=sesame-12/show/x.mp4"), Ok(Pusher::Any));
        assert_eq!(check(Some("Bearer sesame-12"), "key=sesame/show/x.mp4"), Ok(own("sesame")));
        // A CDN signs what it sends on with an Authorization of its own.
        let authorization = Some("AWS4-HMAC-SHA256 Credential=x");
        for (key, answer) in [("sesame-12", Ok(Pusher::Any)), ("sesame", Ok(own("sesame")))] {
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
        assert_eq!(check(true, false), Ok(Pusher::Any));
        for (from_loopback, relayed) in [(true, true), (false, false), (false, true)] {
            assert_eq!(check(from_loopback, relayed), Err(Denied::NotLoopback));
        }
        assert_eq!((Denied::NoKey.status(), Denied::NotLoopback.status()), (401, 403));
    }

    #[test]
    fn a_key_of_its_own_opens_a_broadcast_and_no_other() {
        let now = WallMs(1_800_000_000_000);
        let document = |event: &str| {
            let key = |key: &str, until: &str| {
                let hash = KeyHash::of(key.as_bytes()).hex();
                format!(r#"{{"id":"k","sha256":"{hash}","created":"2026-01-01T00:00:00Z"{until}}}"#)
            };
            let [new, old] = [key("new", ""), key("old", r#","until":"2027-01-15T08:00:00Z""#)];
            let json = format!(r#"{{"generation":"g","keys":[{old},{new}]{event}}}"#);
            crate::log::record::from_json::<BroadcastRecord>(json.as_bytes()).unwrap()
        };
        let record = document("");
        assert_eq!(own("new").admit(Some(&record), now), Ok(()));
        assert_eq!(own("old").admit(Some(&record), now.plus_ms(-1)), Ok(()));
        assert_eq!(own("old").admit(Some(&record), now), Err(Denied::WrongKey));
        assert_eq!(own("other").admit(Some(&record), now), Err(Denied::WrongKey));
        assert_eq!(own("new").admit(None, now), Err(Denied::Unknown));
        assert_eq!(Pusher::Any.admit(None, now), Ok(()));
        let bare = BroadcastRecord::new(record.generation.clone());
        assert_eq!(own("new").admit(Some(&bare), now), Err(Denied::WrongKey));
        assert_eq!(Pusher::Any.admit(Some(&bare), now), Ok(()));
        assert_eq!((Denied::Unknown.status(), Denied::BeingDeleted.status()), (404, 409));
        // From elsewhere, where the server has no key of its own.
        let shown = Credentials { key: Some("new"), ..Credentials::default() };
        assert_eq!(PushAccess::Loopback.check("show/x.mp4", &shown), Ok(own("new")));
    }

    #[test]
    fn a_broadcast_takes_pushes_while_it_is_open() {
        let at = |text: &str| crate::time::parse_date(text).unwrap();
        let record = |event: &str| {
            let json = format!(r#"{{"generation":"g",{event}}}"#);
            crate::log::record::from_json::<BroadcastRecord>(json.as_bytes()).unwrap()
        };
        let scheduled =
            record(r#""start":"2026-11-22T21:00:00+01:00","end":"2026-11-22T22:00:00Z","late_s":60"#);
        let admit = |record: &BroadcastRecord, text| Pusher::Any.admit(Some(record), at(text));
        assert_eq!(
            admit(&scheduled, "2026-11-22T18:59:59.999Z").unwrap_err().to_string(),
            "the broadcast takes pushes from 2026-11-22T19:00:00Z on; its operator can change its start, or how early it \
             opens"
        );
        assert_eq!(admit(&scheduled, "2026-11-22T19:00:00Z"), Ok(()));
        assert_eq!(admit(&scheduled, "2026-11-22T22:00:59.999Z"), Ok(()));
        assert!(matches!(admit(&scheduled, "2026-11-22T22:01:00Z"), Err(Denied::Over(_))));
        let ended = record(r#""ended":{"at":"2026-11-22T20:30:00Z","reason":"rain"}"#);
        let denied = admit(&ended, "2026-11-22T20:00:00Z").unwrap_err();
        assert_eq!(
            (denied.status(), denied.to_string().as_str()),
            (409, "the broadcast has ended at 2026-11-22T20:30:00Z (rain); create another one to go on")
        );
        let clip = record(
            r#""clip":{"of":"cup","generation":"g","from":"2026-11-22T20:00:00Z","until":"2026-11-22T20:01:00Z"}"#,
        );
        for pusher in [Pusher::Any, own("key")] {
            let denied = pusher.admit(Some(&clip), at("2026-11-22T20:00:00Z")).unwrap_err();
            assert_eq!(
                (denied.status(), denied.to_string().as_str()),
                (
                    409,
                    "this is a clip of cup, which shows cup's media and takes no pushes; push to cup, or to a name of its own"
                )
            );
        }
        assert_eq!(admit(&record(r#""deleted":true"#), "2026-11-22T20:00:00Z"), Err(Denied::BeingDeleted));
    }
}
