//! What a host runs on: its clock, its timers, its tasks.

use packager_core::time::WallMs;

/// A host's runtime.
pub trait Runtime: Send + Sync + 'static {
    /// The time.
    fn now() -> WallMs;

    /// Passes time.
    fn sleep(ms: u64) -> impl Future<Output = ()> + Send;

    /// Starts a task that nobody waits for.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);
}

/// Tokio's, on a system with a clock.
#[cfg(feature = "native")]
#[derive(Debug, Clone, Copy)]
pub struct Native;

#[cfg(feature = "native")]
impl Runtime for Native {
    fn now() -> WallMs {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        WallMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(ms: u64) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(std::time::Duration::from_millis(ms))
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}
