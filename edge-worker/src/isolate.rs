//! The runtime: one thread, the platform's timers and clock.

use std::time::Duration;

use ingest_lambda::Runtime;
use packager_core::time::WallMs;
use worker::Delay;
use worker::send::SendFuture;

/// A Worker's isolate.
pub(crate) struct Isolate;

impl Runtime for Isolate {
    /// Stands still while code runs, and goes on with every wait.
    fn now() -> WallMs {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds are far below 2^53")]
        WallMs(js_sys::Date::now() as i64)
    }

    fn sleep(ms: u64) -> impl Future<Output = ()> + Send {
        // A timer holds 31 bits of milliseconds.
        SendFuture::new(Delay::from(Duration::from_millis(ms.min(i32::MAX as u64))))
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        wasm_bindgen_futures::spawn_local(task);
    }
}

/// Seeds ids, which need to differ, not to be secret.
pub(crate) fn random() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is below 2^32")]
    let half = || (js_sys::Math::random() * 4_294_967_296.0) as u64;
    (half() << 32) | half()
}
