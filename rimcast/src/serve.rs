//! `rimcast serve`: puts the server together, says where it is, and ends it cleanly.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_lambda::store::{FolderStore, StoreError};
use packager_core::log::BroadcastName;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::Operator;
use crate::host::Host;
use crate::hub::Hub;
use crate::ingest::{Gate, Ingest, Told};
use crate::listener::Listener;
use crate::page::Pages;
use crate::settings::{LogFormat, Settings};
use crate::tls::{self, TlsError};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// Another process has the folder.
    #[error(
        "another rimcast is using the data in {}; stop it, or give this one another folder with --data", .0.display()
    )]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error("cannot keep data in {}: {why}; choose another folder with --data", .folder.display())]
    Data {
        /// The folder.
        folder: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: io::Error,
    },
    /// HTTPS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What the settings say of a broadcast cannot be written down.
    #[error("cannot set how {broadcast} is shown: {why}")]
    Broadcast {
        /// Its name.
        broadcast: BroadcastName,
        /// Why.
        why: StoreError,
    },
}

/// A server that runs.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    hub: Arc<Hub>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    _data_lock: File,
}

impl Server {
    /// Starts.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, ServeError> {
        let data = |why| ServeError::Data { folder: settings.data.clone(), why };
        std::fs::create_dir_all(&settings.data).map_err(data)?;
        let data_lock = lock(&settings.data)?;
        let store = FolderStore::open(&settings.data).map_err(data)?;
        let acceptor = tls::acceptor(settings)?;
        let listen = |why| ServeError::Listen { address: settings.listen, why };
        let listener = Listener::bind(settings.listen, acceptor).await.map_err(listen)?;
        let address = listener.address().map_err(listen)?;
        // Each viewer and encoder is a file descriptor, and the usual limit is 1,024.
        match rlimit::increase_nofile_limit(u64::MAX) {
            Ok(limit) => tracing::debug!("up to {limit} connections at once"),
            Err(why) => tracing::debug!("the limit of open files stays as it is: {why}"),
        }
        let (stop, stopping) = watch::channel(false);
        let cache_bytes = usize::try_from(settings.cache_mib).unwrap_or(0).saturating_mul(1 << 20);
        let cut = ingest_lambda::Settings {
            segment_ms: settings.segment_ms,
            part_ms: settings.part_ms,
            window_ms: settings.window_s.ms(),
            gap_ms: settings.gap_ms,
            ..ingest_lambda::Settings::default()
        };
        let hub = Arc::new(Hub::new(cache_bytes, cut));
        let random = || RandomState::new().hash_one(0);
        let ingest = Ingest::new(store.clone(), Told(Arc::clone(&hub)), cut, random);
        let gate = Gate::observed(store.clone(), Told(Arc::clone(&hub)));
        let operator = Operator::new(store.clone(), Told(Arc::clone(&hub)), cut, usize::MAX);
        for (broadcast, shown) in &settings.broadcasts {
            let failed = |why| ServeError::Broadcast { broadcast: broadcast.clone(), why };
            ingest.configure(broadcast, shown).await.map_err(failed)?;
        }
        let host = Host {
            store,
            hub: Arc::clone(&hub),
            pages: Pages::new(),
            push_key: settings.push_key.clone(),
            admin_token: settings.admin_token.clone(),
            operator,
            settings: cut,
            ingest,
            gate,
            scheme: settings.scheme(),
            stopping: stopping.clone(),
        };
        let serving = tokio::spawn(listener.serve(Arc::new(host), stopping));
        Ok(Self { address, scheme: settings.scheme(), hub, stop, serving, _data_lock: data_lock })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL as seen from this machine.
    pub(crate) fn url(&self) -> String {
        let ip = self.address.ip();
        let ip = if ip.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
        format!("{}://{}", self.scheme, SocketAddr::new(ip, self.address.port()))
    }

    /// Accepts nothing more, answers who is held, and ends.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(true);
        self.hub.wake_all();
        let _ = self.serving.await;
    }
}

/// One process a folder: two would not tell each other's viewers what is new.
fn lock(data: &Path) -> Result<File, ServeError> {
    let failed = |why| ServeError::Data { folder: data.to_owned(), why };
    let file = File::create(data.join(".serve.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::InUse(data.to_owned())),
        Err(TryLockError::Error(why)) => Err(failed(why)),
    }
}

/// Runs until it is told to stop.
pub(crate) async fn run(settings: &Settings) -> Result<(), ServeError> {
    let server = Server::start(settings).await?;
    match settings.log_format {
        LogFormat::Text => print!("{}", greeting(settings, &server.url(), server.address())),
        LogFormat::Json => tracing::info!(address = %server.address(), url = server.url(), "serving"),
    }
    told_to_stop().await;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// Waits for Ctrl-C, or SIGTERM.
pub(crate) async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn greeting(settings: &Settings, url: &str, address: SocketAddr) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (who, push) = if settings.push_key.is_some() {
        ("whoever shows the push key", format!("{scheme}://any:KEY@{rest}"))
    } else {
        ("this machine only (set --push-key to allow others)", url.to_owned())
    };
    let listens = if address.ip().is_unspecified() { " and every other address of this machine" } else { "" };
    format!(
        "\
Rimcast {version} serves {url}{listens}
data    {data}
push    {push}/ingest/live/   by {who}
watch   {url}/live/

Try it:
  ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \\
    -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -keyint_min 60 -sc_threshold 0 -c:a aac \\
    -f dash -ldash 1 -streaming 1 -seg_duration 2 -frag_type duration -frag_duration 0.5 -use_template 1 \\
    -method PUT {push}/ingest/live/manifest.mpd

",
        version = env!("CARGO_PKG_VERSION"),
        data = settings.data.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Options;

    #[tokio::test]
    async fn one_process_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let settings = |port: u16| {
            let given = Options {
                data: Some(dir.path().to_owned()),
                listen: Some((Ipv4Addr::LOCALHOST, port).into()),
                ..Options::default()
            };
            Settings::resolve(given, None).unwrap()
        };
        let first = Server::start(&settings(0)).await.unwrap();
        let Err(why) = Server::start(&settings(0)).await else { panic!("the folder is in use") };
        assert!(why.to_string().starts_with("another rimcast is using the data in "), "{why}");
        first.stop().await;
        Server::start(&settings(0)).await.unwrap().stop().await;
    }

    #[tokio::test]
    async fn settings_of_broadcasts_are_stored_and_outlive_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let start = async |text: &str| {
            let file = dir.path().join("rimcast.toml");
            std::fs::write(&file, text).unwrap();
            let given = Options {
                data: Some(dir.path().join("data")),
                listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
                ..Options::default()
            };
            let server = Server::start(&Settings::resolve(given, Some(&file)).unwrap()).await;
            if let Ok(server) = server {
                server.stop().await;
            }
            std::fs::read_to_string(dir.path().join("data/show/broadcast.json")).unwrap()
        };
        let named = start("[broadcasts.show.tracks.audio-1]\nname = \"English\"\n").await;
        assert!(named.contains("\"tracks\":{\"audio-1\":{\"name\":\"English\"}}"), "{named}");
        assert_eq!(start("").await, named);
        let taken_back = start("[broadcasts.show]").await;
        assert!(!taken_back.contains("English"), "{taken_back}");
        let generation = |json: &str| json.split('"').nth(3).map(str::to_owned);
        assert_eq!(generation(&taken_back), generation(&named));
    }
}
