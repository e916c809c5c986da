//! What is asked for: `/api/…`.

use super::problem::Problem;
use crate::log::BroadcastName;

/// Longest body of a request.
pub const BODY_BYTES: usize = 64 << 10;

/// A request to the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `GET /api/openapi.json`. For everyone.
    Document,
    /// `GET /api/broadcasts`, from behind this name on.
    List {
        /// `?after=`
        after: Option<BroadcastName>,
    },
    /// `POST /api/broadcasts`
    Create,
    /// `DELETE /api/broadcasts?expired=true`, from behind this name on.
    DeleteExpired {
        /// `?after=`
        after: Option<BroadcastName>,
        /// `?dry_run=true`: they are only listed.
        dry_run: bool,
    },
    /// `GET /api/broadcasts/{name}`
    Show(BroadcastName),
    /// `PATCH /api/broadcasts/{name}`
    Update(BroadcastName),
    /// `DELETE /api/broadcasts/{name}`
    Delete {
        /// Which.
        name: BroadcastName,
        /// `?force=true`: also where clips show it.
        force: bool,
    },
    /// `POST /api/broadcasts/{name}/end`
    End(BroadcastName),
    /// `POST /api/broadcasts/{name}/keys`
    RotateKey(BroadcastName),
}

const ONLY_EXPIRED: &str = "only broadcasts that have expired are deleted together: \
    DELETE /api/broadcasts?expired=true, with &dry_run=true to see which these are";

impl Request {
    /// Reads the request of `method` to `/api/{path}?{query}`.
    ///
    /// # Errors
    ///
    /// There is no such page (404), none for this method (405), or the name cannot be one (400).
    pub fn parse(method: &str, path: &str, query: &str) -> Result<Self, Problem> {
        let name = |text: &str| BroadcastName::parse(text).map_err(|why| Problem::new(400, why.to_string()));
        let after = || query.split('&').find_map(|pair| pair.strip_prefix("after=")).map(name).transpose();
        let mut names = path.split('/');
        let route = [names.next(), names.next(), names.next(), names.next()];
        match (route, method) {
            ([Some("openapi.json"), None, ..], "GET") => Ok(Self::Document),
            ([Some("openapi.json"), None, ..], _) => Err(Self::only("GET")),
            ([Some("broadcasts"), None, ..], "GET") => Ok(Self::List { after: after()? }),
            // Nothing that is mistyped deletes more than was meant.
            ([Some("broadcasts"), None, ..], "DELETE") => {
                let mut dry_run = None;
                let mut expired = false;
                for pair in query.split('&') {
                    match pair {
                        "expired=true" => expired = true,
                        "dry_run=true" => dry_run = Some(true),
                        "dry_run=false" => dry_run = Some(false),
                        after if after.starts_with("after=") => {}
                        _ => return Err(Problem::new(400, ONLY_EXPIRED)),
                    }
                }
                if !expired {
                    return Err(Problem::new(400, ONLY_EXPIRED));
                }
                Ok(Self::DeleteExpired { after: after()?, dry_run: dry_run.unwrap_or(false) })
            }
            ([Some("broadcasts"), None, ..], "POST") => Ok(Self::Create),
            ([Some("broadcasts"), None, ..], _) => Err(Self::only("GET, POST, DELETE")),
            ([Some("broadcasts"), Some(of), None, _], "GET") => Ok(Self::Show(name(of)?)),
            ([Some("broadcasts"), Some(of), None, _], "PATCH") => Ok(Self::Update(name(of)?)),
            ([Some("broadcasts"), Some(of), None, _], "DELETE") => {
                let force = query.split('&').any(|pair| pair == "force=true");
                Ok(Self::Delete { name: name(of)?, force })
            }
            ([Some("broadcasts"), Some(_), None, _], _) => Err(Self::only("GET, PATCH, DELETE")),
            ([Some("broadcasts"), Some(of), Some("end"), None], "POST") => Ok(Self::End(name(of)?)),
            ([Some("broadcasts"), Some(of), Some("keys"), None], "POST") => Ok(Self::RotateKey(name(of)?)),
            ([Some("broadcasts"), Some(_), Some("end" | "keys"), None], _) => Err(Self::only("POST")),
            _ => Err(Problem::new(404, "there is no such page; GET /api/openapi.json tells of all")),
        }
    }

    fn only(allow: &'static str) -> Problem {
        Problem { allow: Some(allow), ..Problem::new(405, format!("this page has {allow}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_their_methods() {
        let show = || BroadcastName::parse("show").unwrap();
        for (method, path, request) in [
            ("GET", "openapi.json", Request::Document),
            ("GET", "broadcasts", Request::List { after: None }),
            ("POST", "broadcasts", Request::Create),
            ("GET", "broadcasts/show", Request::Show(show())),
            ("PATCH", "broadcasts/show", Request::Update(show())),
            ("DELETE", "broadcasts/show", Request::Delete { name: show(), force: false }),
            ("POST", "broadcasts/show/end", Request::End(show())),
            ("POST", "broadcasts/show/keys", Request::RotateKey(show())),
        ] {
            assert_eq!(Request::parse(method, path, ""), Ok(request), "{method} {path}");
        }
        assert_eq!(
            Request::parse("GET", "broadcasts", "x=1&after=show"),
            Ok(Request::List { after: Some(show()) })
        );
        let forced = Request::parse("DELETE", "broadcasts/show", "force=true");
        assert_eq!(forced, Ok(Request::Delete { name: show(), force: true }));
        for (query, after, dry_run) in [
            ("expired=true", None, false),
            ("dry_run=true&expired=true", None, true),
            ("expired=true&dry_run=false&after=show", Some(show()), false),
        ] {
            let request = Request::DeleteExpired { after, dry_run };
            assert_eq!(Request::parse("DELETE", "broadcasts", query), Ok(request), "{query}");
        }
        for query in
            ["", "expired", "expired=1", "dry_run=true", "expired=true&dry_run=1", "expired=true&dryrun=true"]
        {
            assert_eq!(Request::parse("DELETE", "broadcasts", query).unwrap_err().status, 400, "{query}");
        }
        for (method, path, status) in [
            ("GET", "", 404),
            ("GET", "broadcasts/", 400),
            ("GET", "broadcasts/Show", 400),
            ("GET", "broadcasts/api", 400),
            ("GET", "broadcasts/show/", 404),
            ("GET", "broadcasts/show/tracks", 404),
            ("POST", "broadcasts/show/keys/1", 404),
            ("PUT", "broadcasts", 405),
            ("POST", "openapi.json", 405),
            ("PUT", "broadcasts/show", 405),
            ("GET", "broadcasts/show/end", 405),
            ("DELETE", "broadcasts/show/keys", 405),
        ] {
            let problem = Request::parse(method, path, "").unwrap_err();
            assert_eq!((problem.status, problem.allow.is_some()), (status, status == 405), "{method} {path}");
        }
        assert_eq!(Request::parse("GET", "broadcasts", "after=../x").unwrap_err().status, 400);
    }
}
