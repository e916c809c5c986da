//! Where the bucket is and who may use it: environment variables, which is what Lambda functions are set up with.

use std::fmt;
use std::time::Duration;

/// S3 answers in tens of milliseconds. What takes this long has met a server that does not answer, and the next try
/// meets another.
const TIMEOUT_S: u64 = 5;

/// What an [`S3Store`](super::S3Store) is opened with.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// What every key in the bucket begins with: empty, or ends in a slash.
    pub prefix: String,
    /// Its region; `auto` for R2.
    pub region: String,
    /// Where it is, if it is not in AWS.
    pub endpoint: Option<String>,
    /// `https://endpoint/bucket/key` rather than `https://bucket.endpoint/key`.
    pub path_style: bool,
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`: a role's credentials have one.
    pub session_token: Option<String>,
    /// How long it may take to begin an answer, before it is asked again. A write that is asked for again finds what it
    /// wrote itself, so this is rather too long than too short.
    pub timeout: Duration,
}

/// Secrets are not for logs.
impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("path_style", &self.path_style)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A variable that is needed is not set, or empty.
    #[error("{name} is not set; {what}")]
    Missing {
        /// Its name.
        name: &'static str,
        /// What it should be set to.
        what: &'static str,
    },
    /// A variable cannot mean anything.
    #[error("{name} cannot be used: {what}")]
    Unusable {
        /// Its name.
        name: &'static str,
        /// What it should be.
        what: &'static str,
    },
}

impl S3Settings {
    /// Reads environment variables: `RIMCAST_BUCKET`, and where they are set `RIMCAST_PREFIX`, `RIMCAST_S3_ENDPOINT`,
    /// `RIMCAST_S3_PATH_STYLE` (by default `true` with an endpoint), and `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; `RIMCAST_S3_TIMEOUT_S` (1 to 60, by default 5) is how long a server may
    /// take to begin an answer. Lambda sets the latter to its own region and role and lets nobody
    /// change them; for a bucket elsewhere, each can be said as `RIMCAST_S3_REGION` and so on instead.
    ///
    /// # Errors
    ///
    /// One that is needed is not set, or makes no sense.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let set = |name: &str| var(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let need =
            |name: &'static str, what: &'static str| set(name).ok_or(SettingError::Missing { name, what });
        let bucket = need("RIMCAST_BUCKET", "set it to the name of the bucket that broadcasts are kept in")?;
        let prefix =
            set("RIMCAST_PREFIX").map_or_else(String::new, |text| format!("{}/", text.trim_matches('/')));
        if super::check_prefix(&prefix).is_err() {
            let what = "it is what keys begin with, such as `live/`, without dots at the start of names";
            return Err(SettingError::Unusable { name: "RIMCAST_PREFIX", what });
        }
        let endpoint = set("RIMCAST_S3_ENDPOINT");
        if endpoint.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            let what = "it is a URL, such as https://ACCOUNT.r2.cloudflarestorage.com";
            return Err(SettingError::Unusable { name: "RIMCAST_S3_ENDPOINT", what });
        }
        let path_style = match set("RIMCAST_S3_PATH_STYLE").as_deref() {
            None => endpoint.is_some(),
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                let what = "it is true or false";
                return Err(SettingError::Unusable { name: "RIMCAST_S3_PATH_STYLE", what });
            }
        };
        let timeout = match set("RIMCAST_S3_TIMEOUT_S").map(|text| text.parse()) {
            None => TIMEOUT_S,
            Some(Ok(seconds @ 1..=60)) => seconds,
            Some(_) => {
                let what = "it is a number of seconds from 1 to 60";
                return Err(SettingError::Unusable { name: "RIMCAST_S3_TIMEOUT_S", what });
            }
        };
        let own_region = set("RIMCAST_S3_REGION");
        // An endpoint that is not AWS's knows nothing of the region that the function runs in.
        let elsewhere =
            endpoint.as_ref().filter(|url| !url.contains(".amazonaws.com")).map(|_| "auto".to_owned());
        let region =
            own_region.or(elsewhere).or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"));
        let region = region
            .ok_or(SettingError::Missing { name: "AWS_REGION", what: "set it to the bucket's region" })?;
        let (access_key_id, secret_access_key, session_token) = match set("RIMCAST_S3_ACCESS_KEY_ID") {
            Some(id) => {
                let what = "set it to what belongs to RIMCAST_S3_ACCESS_KEY_ID";
                (id, need("RIMCAST_S3_SECRET_ACCESS_KEY", what)?, None)
            }
            None => {
                let what = "in Lambda give the function a role; elsewhere set it and AWS_SECRET_ACCESS_KEY";
                (
                    need("AWS_ACCESS_KEY_ID", what)?,
                    need("AWS_SECRET_ACCESS_KEY", "set it to what belongs to AWS_ACCESS_KEY_ID")?,
                    set("AWS_SESSION_TOKEN"),
                )
            }
        };
        Ok(Self {
            bucket,
            prefix,
            region,
            endpoint,
            path_style,
            access_key_id,
            secret_access_key,
            session_token,
            timeout: Duration::from_secs(timeout),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<S3Settings, SettingError> {
        S3Settings::from_env(|name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const LAMBDA: [(&str, &str); 5] = [
        ("RIMCAST_BUCKET", "media"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "sesame"),
        ("AWS_SESSION_TOKEN", "token"),
    ];

    #[test]
    fn a_function_needs_to_be_told_its_bucket() {
        let settings = read(&LAMBDA).unwrap();
        assert_eq!((settings.bucket.as_str(), settings.prefix.as_str()), ("media", ""));
        assert_eq!((settings.region.as_str(), settings.path_style), ("eu-central-1", false));
        assert_eq!(settings.session_token.as_deref(), Some("token"));
        for (index, (name, _)) in LAMBDA.iter().enumerate().take(4) {
            let mut without = LAMBDA.to_vec();
            without.remove(index);
            let why = read(&without).unwrap_err();
            assert!(matches!(&why, SettingError::Missing { name: missing, .. } if missing == name), "{why}");
        }
    }

    #[test]
    fn a_bucket_may_be_elsewhere() {
        let r2 = [
            ("RIMCAST_S3_ENDPOINT", "https://account.r2.cloudflarestorage.com"),
            ("RIMCAST_S3_ACCESS_KEY_ID", "other"),
            ("RIMCAST_S3_SECRET_ACCESS_KEY", "secret"),
            ("RIMCAST_PREFIX", "/live/tv"),
        ];
        let settings = read(&[&LAMBDA[..], &r2].concat()).unwrap();
        assert_eq!((settings.region.as_str(), settings.path_style), ("auto", true));
        assert_eq!((settings.access_key_id.as_str(), settings.session_token.as_deref()), ("other", None));
        assert_eq!(settings.prefix, "live/tv/");
        let missing = read(&[&LAMBDA[..], &r2[..2]].concat()).unwrap_err();
        assert!(missing.to_string().starts_with("RIMCAST_S3_SECRET_ACCESS_KEY is not set"), "{missing}");
        for (name, value) in [
            ("RIMCAST_S3_ENDPOINT", "r2.com"),
            ("RIMCAST_S3_PATH_STYLE", "yes"),
            ("RIMCAST_PREFIX", "../x"),
            ("RIMCAST_S3_TIMEOUT_S", "0"),
        ] {
            let why = read(&[&LAMBDA[..], &[(name, value)]].concat()).unwrap_err();
            assert!(why.to_string().starts_with(&format!("{name} cannot be used")), "{why}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", read(&LAMBDA).unwrap());
        assert!(shown.contains("media") && !shown.contains("sesame") && !shown.contains("token"), "{shown}");
    }
}
