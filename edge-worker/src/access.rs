//! What a request shows of whoever sends it.

use packager_core::ingest::{Credentials, Denied, PushAccess, Pusher};
use packager_core::operator::{AdminAccess, Problem};
use web_sys::Headers;
use worker::{Env, Result};

/// The push key, a secret. Without one, only the machine that runs `wrangler dev` may push.
const PUSH_KEY: &str = "PUSH_KEY";

/// The admin token, a secret. Without one, only the machine that runs `wrangler dev` may manage broadcasts.
const ADMIN_TOKEN: &str = "ADMIN_TOKEN";

/// Headers that tell who somebody is.
pub(crate) struct Shown {
    authorization: Option<String>,
    key: Option<String>,
    from_loopback: bool,
    relayed: bool,
}

impl Shown {
    /// Reads them.
    pub(crate) fn new(headers: &Headers) -> Result<Self> {
        Ok(Self {
            authorization: headers.get("authorization")?,
            key: headers.get(Credentials::KEY)?,
            from_loopback: headers.get("cf-connecting-ip")?.is_some_and(|ip| is_loopback(&ip)),
            relayed: Credentials::RELAYED.iter().any(|name| headers.has(name).unwrap_or(false)),
        })
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            authorization: self.authorization.as_deref(),
            key: self.key.as_deref(),
            from_loopback: self.from_loopback,
            relayed: self.relayed,
        }
    }

    /// Who sends a request to `/ingest/{path}`.
    pub(crate) fn pusher(&self, path: &str, env: &Env) -> std::result::Result<Pusher, Denied> {
        let key = env.secret(PUSH_KEY).ok().map(|key| key.to_string());
        let access = key.as_deref().map_or(PushAccess::Loopback, PushAccess::Key);
        access.check(path, &self.credentials())
    }

    /// Whether it is the operator.
    pub(crate) fn operator(&self, env: &Env) -> std::result::Result<(), Problem> {
        let token = env.secret(ADMIN_TOKEN).ok().map(|token| token.to_string());
        let access = token.as_deref().map_or(AdminAccess::Loopback, AdminAccess::Token);
        access.check(&self.credentials())
    }
}

fn is_loopback(ip: &str) -> bool {
    ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}
