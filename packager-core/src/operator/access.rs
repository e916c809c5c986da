//! Who may ask.

use subtle::ConstantTimeEq as _;

use super::problem::Problem;
use crate::ingest::{Credentials, shown_key};

/// Who is the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAccess<'a> {
    /// Whoever shows this token.
    Token(&'a str),
    /// Whoever is on this machine.
    Loopback,
}

impl AdminAccess<'_> {
    /// What a 401 asks for (`WWW-Authenticate`).
    pub const CHALLENGE: &'static str = "Bearer realm=\"rimcast\"";

    /// Whether whoever sends a request is the operator.
    ///
    /// # Errors
    ///
    /// Why not: 401 without a token, 403 otherwise.
    pub fn check(self, shown: &Credentials<'_>) -> Result<(), Problem> {
        match self {
            Self::Token(token) => {
                let shown = shown.authorization.and_then(shown_key).ok_or_else(|| {
                    Problem::new(401, "this server wants its admin token: `Authorization: Bearer TOKEN`")
                })?;
                if bool::from(shown.ct_eq(token.as_bytes())) {
                    return Ok(());
                }
                Err(Problem::new(403, "the admin token is wrong"))
            }
            Self::Loopback if shown.from_loopback && !shown.relayed => Ok(()),
            Self::Loopback => Err(Problem::new(
                403,
                "without an admin token only this machine may manage broadcasts; set one (RIMCAST_ADMIN_TOKEN, or the \
                 Worker's secret ADMIN_TOKEN) to allow others",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_shows_the_token_or_is_on_this_machine() {
        let status = |access: AdminAccess<'_>, shown: Credentials<'_>| {
            access.check(&shown).err().map(|why| why.status)
        };
        let token = AdminAccess::Token("sesame-12");
        let local = Credentials { from_loopback: true, ..Credentials::default() };
        let bearer = |authorization| Credentials { authorization: Some(authorization), ..local };
        assert_eq!(status(token, bearer("Bearer sesame-12")), None);
        assert_eq!(status(token, bearer("Bearer sesame-1")), Some(403));
        assert_eq!(status(token, local), Some(401));
        // A push key's header is not for operators.
        assert_eq!(status(token, Credentials { key: Some("sesame-12"), ..local }), Some(401));
        assert_eq!(status(AdminAccess::Loopback, local), None);
        assert_eq!(status(AdminAccess::Loopback, Credentials { relayed: true, ..local }), Some(403));
        assert_eq!(status(AdminAccess::Loopback, Credentials::default()), Some(403));
    }
}
