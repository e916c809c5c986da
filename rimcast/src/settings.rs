//! What can be set, where from, and within what bounds: a flag counts more than an environment
//! variable, that more than the settings file, and that more than the default.

mod broadcasts;
mod window;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use packager_core::ingest::check_push_key;
use packager_core::log::{BroadcastName, BroadcastSettings, NameError, event};
use serde::Deserialize;
pub(crate) use window::Window;

/// Options of `rimcast serve`. Each can also be set in the environment and, under the same name
/// with underscores, in the settings file.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(default)]
pub(crate) struct Options {
    /// Address and port to listen on, for viewers and encoders alike [default: 127.0.0.1:8080]
    #[arg(long, env = "RIMCAST_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,

    /// Folder that holds the broadcasts [default: ./rimcast-data]
    #[arg(long, env = "RIMCAST_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Key that encoders must show. Without one, only this machine may push
    #[arg(long, env = "RIMCAST_PUSH_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) push_key: Option<String>,

    /// Token that whoever manages broadcasts (/api/) must show. Without one, only this machine may
    #[arg(long, env = "RIMCAST_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) admin_token: Option<String>,

    /// Serve HTTPS. Makes a certificate for itself unless --tls-cert and --tls-key are given
    #[arg(long, env = "RIMCAST_TLS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) tls: Option<bool>,

    /// Certificate chain, PEM
    #[arg(long, env = "RIMCAST_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM
    #[arg(long, env = "RIMCAST_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Shortest segment, 500 to 10000; a segment ends at the next keyframe [default: 2000]
    #[arg(long, env = "RIMCAST_SEGMENT_MS", value_name = "MS")]
    pub(crate) segment_ms: Option<u32>,

    /// Length of a part, 100 to 2000 and at most half a segment [default: 500]
    #[arg(long, env = "RIMCAST_PART_MS", value_name = "MS")]
    pub(crate) part_ms: Option<u32>,

    /// How much of the past a playlist lists, at least 3 segments; or all, from the beginning [default: 60]
    #[arg(long, env = "RIMCAST_WINDOW_S", value_name = "S")]
    pub(crate) window_s: Option<Window>,

    /// How long media that is late or out of order is waited for [default: 1000]
    #[arg(long, env = "RIMCAST_GAP_MS", value_name = "MS")]
    pub(crate) gap_ms: Option<u32>,

    /// Memory for the newest parts, in MiB; others are read from the disk [default: 8]
    #[arg(long, env = "RIMCAST_CACHE_MIB", value_name = "MIB")]
    pub(crate) cache_mib: Option<u32>,

    /// What to log: error, warn, info, debug, trace, or a filter by module [default: info]
    #[arg(long, env = "RIMCAST_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,

    /// How to log it [default: text]
    #[arg(long, env = "RIMCAST_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// What the file, and nothing else, says of single broadcasts.
    #[arg(skip)]
    pub(crate) broadcasts: BTreeMap<String, broadcasts::Given>,

    /// What the file says that means nothing to us.
    #[arg(skip)]
    #[serde(flatten)]
    pub(crate) unknown: BTreeMap<String, toml::Value>,
}

/// How to write the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// All settings, within bounds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// The folder of the broadcasts.
    pub(crate) data: PathBuf,
    /// What encoders must show.
    pub(crate) push_key: Option<String>,
    /// What operators must show.
    pub(crate) admin_token: Option<String>,
    /// Whether, and with what, to serve HTTPS.
    pub(crate) tls: Tls,
    /// Shortest segment.
    pub(crate) segment_ms: u32,
    /// Length of a part.
    pub(crate) part_ms: u32,
    /// How much a playlist lists.
    pub(crate) window_s: Window,
    /// How long late media is waited for.
    pub(crate) gap_ms: u32,
    /// Memory for the newest parts.
    pub(crate) cache_mib: u32,
    /// Log filter.
    pub(crate) log: String,
    /// Log format.
    pub(crate) log_format: LogFormat,
    /// How the tracks of broadcasts are shown.
    pub(crate) broadcasts: BTreeMap<BroadcastName, BroadcastSettings>,
}

/// Whether to serve HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Plain HTTP.
    Off,
    /// With a certificate made here.
    SelfSigned,
    /// With the operator's.
    Files {
        /// Chain, PEM.
        cert: PathBuf,
        /// Private key, PEM.
        key: PathBuf,
    },
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}: {why}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("the settings file {} is not right: {why}", .file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where, and what.
        why: Box<toml::de::Error>,
    },
    /// Settings that there are not.
    #[error("the settings file {} sets {}, which Rimcast does not know; `rimcast serve --help` lists all settings", .file.display(), .keys.join(", "))]
    Unknown {
        /// The file.
        file: PathBuf,
        /// The settings.
        keys: Vec<String>,
    },
    /// A value out of its bounds.
    #[error("{name} is {value}, but must be {must}")]
    OutOfBounds {
        /// The setting.
        name: String,
        /// What it was set to.
        value: String,
        /// What it must be.
        must: String,
    },
    /// A setting in a section that there is not.
    #[error("{key} is set, but there is no such setting; {there_is}")]
    UnknownIn {
        /// The setting.
        key: String,
        /// What there is.
        there_is: &'static str,
    },
    /// A section for what cannot be there.
    #[error("{at} cannot be called that: {why}")]
    BadName {
        /// The section.
        at: String,
        /// Why.
        why: NameError,
    },
    /// Half of the pair.
    #[error("{given} is set without {missing}; give both, or neither to have a certificate made")]
    HalfACertificate {
        /// What is set.
        given: &'static str,
        /// What is not.
        missing: &'static str,
    },
}

impl Settings {
    /// Puts together what flags and environment (`given`) and the file say.
    pub(crate) fn resolve(given: Options, file: Option<&Path>) -> Result<Self, SettingsError> {
        let file = file.map_or_else(|| Ok(Options::default()), Options::read)?;
        let tls_cert = given.tls_cert.or(file.tls_cert);
        let tls_key = given.tls_key.or(file.tls_key);
        let tls_wanted = given.tls.or(file.tls);
        let tls = match (tls_wanted, tls_cert, tls_key) {
            (Some(false), ..) | (None, None, None) => Tls::Off,
            (Some(true), None, None) => Tls::SelfSigned,
            (_, Some(cert), Some(key)) => Tls::Files { cert, key },
            (_, Some(_), None) => {
                return Err(SettingsError::HalfACertificate { given: "tls_cert", missing: "tls_key" });
            }
            (_, None, Some(_)) => {
                return Err(SettingsError::HalfACertificate { given: "tls_key", missing: "tls_cert" });
            }
        };
        let settings = Self {
            listen: given.listen.or(file.listen).unwrap_or((Ipv4Addr::LOCALHOST, 8080).into()),
            data: given.data.or(file.data).unwrap_or_else(|| "./rimcast-data".into()),
            push_key: given.push_key.or(file.push_key),
            admin_token: given.admin_token.or(file.admin_token),
            tls,
            segment_ms: given.segment_ms.or(file.segment_ms).unwrap_or(2000),
            part_ms: given.part_ms.or(file.part_ms).unwrap_or(500),
            window_s: given.window_s.or(file.window_s).unwrap_or(Window::Seconds(60)),
            gap_ms: given.gap_ms.or(file.gap_ms).unwrap_or(1000),
            cache_mib: given.cache_mib.or(file.cache_mib).unwrap_or(8),
            log: given.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_format: given.log_format.or(file.log_format).unwrap_or_default(),
            broadcasts: broadcasts::resolve(file.broadcasts)?,
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        within("segment_ms", self.segment_ms, event::SEGMENT_MS)?;
        within("part_ms", self.part_ms, event::PART_MS)?;
        // Three parts back from the edge and a segment must not be the same place.
        if self.part_ms > self.segment_ms / 2 {
            let must = format!("at most half of segment_ms, which is {}", self.segment_ms);
            return Err(SettingsError::OutOfBounds {
                name: "part_ms".to_owned(),
                value: self.part_ms.to_string(),
                must,
            });
        }
        if let Some(must) = self.window_s.wrong_with(self.segment_ms) {
            let (name, value) = ("window_s".to_owned(), self.window_s.to_string());
            return Err(SettingsError::OutOfBounds { name, value, must });
        }
        within("gap_ms", self.gap_ms, 100..=30_000)?;
        within("cache_mib", self.cache_mib, 0..=65_536)?;
        for (name, key) in [("push_key", &self.push_key), ("admin_token", &self.admin_token)] {
            if let Some(key) = key
                && let Err(unusable) = check_push_key(key)
            {
                return Err(SettingsError::OutOfBounds {
                    name: name.to_owned(),
                    value: format!("{} characters long", key.chars().count()),
                    must: unusable.to_string(),
                });
            }
        }
        Ok(())
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls == Tls::Off { "http" } else { "https" }
    }
}

fn within(name: &'static str, value: u32, bounds: RangeInclusive<u32>) -> Result<(), SettingsError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    let must = format!("between {} and {}", bounds.start(), bounds.end());
    Err(SettingsError::OutOfBounds { name: name.to_owned(), value: value.to_string(), must })
}

impl Options {
    fn read(file: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(file)
            .map_err(|why| SettingsError::Unreadable { file: file.to_owned(), why })?;
        let options: Self = toml::from_str(&text)
            .map_err(|why| SettingsError::Malformed { file: file.to_owned(), why: Box::new(why) })?;
        if options.unknown.is_empty() {
            return Ok(options);
        }
        Err(SettingsError::Unknown { file: file.to_owned(), keys: options.unknown.keys().cloned().collect() })
    }
}

/// As a settings file would say it; the push key is not shown.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "listen = \"{}\"", self.listen)?;
        writeln!(f, "data = {:?}", self.data.display().to_string())?;
        match self.push_key {
            Some(_) => writeln!(f, "push_key = \"(set)\"")?,
            None => writeln!(f, "# push_key is not set: only this machine may push")?,
        }
        match self.admin_token {
            Some(_) => writeln!(f, "admin_token = \"(set)\"")?,
            None => writeln!(f, "# admin_token is not set: only this machine may manage broadcasts")?,
        }
        writeln!(f, "tls = {}", self.tls != Tls::Off)?;
        if let Tls::Files { cert, key } = &self.tls {
            writeln!(f, "tls_cert = {:?}", cert.display().to_string())?;
            writeln!(f, "tls_key = {:?}", key.display().to_string())?;
        }
        writeln!(f, "segment_ms = {}", self.segment_ms)?;
        writeln!(f, "part_ms = {}", self.part_ms)?;
        match self.window_s {
            Window::Seconds(seconds) => writeln!(f, "window_s = {seconds}")?,
            Window::All => writeln!(f, "window_s = \"all\"")?,
        }
        writeln!(f, "gap_ms = {}", self.gap_ms)?;
        writeln!(f, "cache_mib = {}", self.cache_mib)?;
        writeln!(f, "log = {:?}", self.log)?;
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        writeln!(f, "log_format = \"{format}\"")?;
        broadcasts::write(f, &self.broadcasts)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    pub(super) fn resolve(given: Options, text: &str) -> Result<Settings, String> {
        let file = file(text);
        Settings::resolve(given, Some(file.path()))
            .map_err(|why| why.to_string().replace(&file.path().display().to_string(), "FILE"))
    }

    #[test]
    fn defaults() {
        let settings = Settings::resolve(Options::default(), None).unwrap();
        assert_eq!(
            settings.to_string(),
            "listen = \"127.0.0.1:8080\"\ndata = \"./rimcast-data\"\n\
             # push_key is not set: only this machine may push\n\
             # admin_token is not set: only this machine may manage broadcasts\ntls = false\nsegment_ms = 2000\npart_ms = 500\n\
             window_s = 60\ngap_ms = 1000\ncache_mib = 8\nlog = \"info\"\nlog_format = \"text\"\n"
        );
    }

    #[test]
    fn what_is_given_counts_more_than_the_file() {
        let given = Options { part_ms: Some(250), ..Options::default() };
        let settings = resolve(given, "part_ms = 300\nsegment_ms = 4000\nlog_format = \"json\"").unwrap();
        assert_eq!((settings.part_ms, settings.segment_ms, settings.gap_ms), (250, 4000, 1000));
        assert_eq!(settings.log_format, LogFormat::Json);
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let text = Settings::resolve(Options::default(), None).unwrap().to_string();
        assert_eq!(resolve(Options::default(), &text).unwrap().to_string(), text);
    }

    #[test]
    fn unknown_settings_are_named() {
        let why = resolve(Options::default(), "segmnt_ms = 1\npart_ms = 500\nport = 80").unwrap_err();
        assert_eq!(
            why,
            "the settings file FILE sets port, segmnt_ms, which Rimcast does not know; `rimcast serve --help` lists all settings"
        );
        let why = resolve(Options::default(), "part_ms = \"500\"").unwrap_err();
        assert!(why.starts_with("the settings file FILE is not right:") && why.contains("part_ms"), "{why}");
        let missing = Settings::resolve(Options::default(), Some(Path::new("/none.toml"))).unwrap_err();
        assert!(missing.to_string().starts_with("cannot read the settings file /none.toml"));
    }

    #[test]
    fn bounds() {
        let refused = |text: &str| resolve(Options::default(), text).unwrap_err();
        assert_eq!(refused("segment_ms = 499"), "segment_ms is 499, but must be between 500 and 10000");
        assert_eq!(refused("segment_ms = 10001"), "segment_ms is 10001, but must be between 500 and 10000");
        assert_eq!(refused("part_ms = 99"), "part_ms is 99, but must be between 100 and 2000");
        assert_eq!(
            refused("segment_ms = 900\npart_ms = 451"),
            "part_ms is 451, but must be at most half of segment_ms, which is 900"
        );
        assert_eq!(refused("window_s = 5"), "window_s is 5, but must be between 6 and 86400, or \"all\"");
        assert_eq!(refused("gap_ms = 99"), "gap_ms is 99, but must be between 100 and 30000");
        assert!(
            refused("push_key = \"short\"")
                .starts_with("push_key is 5 characters long, but must be 6 or more")
        );
        assert!(refused("push_key = \"with a space\"").starts_with("push_key is 12 characters long"));
        assert!(resolve(Options::default(), "segment_ms = 500\npart_ms = 250\nwindow_s = 2").is_ok());
    }

    #[test]
    fn certificates_come_in_pairs() {
        let tls = |text: &str| resolve(Options::default(), text).map(|settings| settings.tls);
        assert_eq!(tls("tls = true").unwrap(), Tls::SelfSigned);
        let files = Tls::Files { cert: "a".into(), key: "b".into() };
        assert_eq!(tls("tls_cert = \"a\"\ntls_key = \"b\"").unwrap(), files);
        assert_eq!(tls("tls = false\ntls_cert = \"a\"\ntls_key = \"b\"").unwrap(), Tls::Off);
        assert_eq!(
            tls("tls_cert = \"a\"").unwrap_err(),
            "tls_cert is set without tls_key; give both, or neither to have a certificate made"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = || Some("secret-secret".to_owned());
        let given = Options { push_key: secret(), admin_token: secret(), ..Options::default() };
        let settings = Settings::resolve(given, None).unwrap();
        assert!(!format!("{settings} {settings:?}").contains("secret"));
    }
}
