//! Requests under way: what has come of them can be looked at before they end.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the slowest request may take: more than any hold.
const LIMIT: Duration = Duration::from_secs(30);

/// A response, as far as it has come.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Status, and headers with names in lower case.
    pub head: Option<(u16, BTreeMap<String, String>)>,
    /// What has come of the body.
    pub body: Vec<u8>,
    /// It has ended: as it should, or why not.
    pub end: Option<Result<(), String>>,
}

impl Progress {
    /// The status, once it is there.
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|(status, _)| *status)
    }
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

/// A request under way, on a connection and in a thread of its own.
pub struct Asking {
    shared: Arc<Shared>,
    what: String,
}

impl Asking {
    /// Sends a request without a body.
    pub fn start(method: &str, url: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let what = format!("{method} {url}");
        let (method, url, to) = (method.to_owned(), url.to_owned(), Arc::clone(&shared));
        std::thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || {
                let end = receive(&method, &url, &to);
                to.change(|progress| progress.end = Some(end));
            })
            .expect("there is room for a thread");
        Self { shared, what }
    }

    /// What has come so far.
    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what has come is enough.
    ///
    /// # Panics
    ///
    /// It never is.
    pub fn until(&self, is_enough: impl Fn(&Progress) -> bool) -> MutexGuard<'_, Progress> {
        let begun = Instant::now();
        let mut progress = self.progress();
        while !is_enough(&progress) {
            let left = LIMIT.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "{} gave only {progress:?}", self.what);
            let waited = self.shared.changed.wait_timeout(progress, left);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        progress
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn ended(&self) -> Progress {
        self.until(|progress| progress.end.is_some()).clone()
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

fn receive(method: &str, url: &str, to: &Shared) -> Result<(), String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(LIMIT))
        .build()
        .into();
    let call = ureq::http::Request::builder().method(method).uri(url).body(());
    let answer = agent.run(call.map_err(|why| why.to_string())?).map_err(|why| why.to_string())?;
    let headers = answer.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let head = (answer.status().as_u16(), headers.collect());
    to.change(|progress| progress.head = Some(head));
    let mut body = answer.into_body().into_reader();
    let mut piece = vec![0; 32 << 10];
    loop {
        match body.read(&mut piece).map_err(|why| why.to_string())? {
            0 => return Ok(()),
            bytes => to.change(|progress| progress.body.extend_from_slice(&piece[..bytes])),
        }
    }
}
