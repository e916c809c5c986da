//! The least a server can do: hyper, answers that are always the same, and one wake-up for all.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

/// A playlist of a 60 s window is about this long.
const PLAYLIST_BYTES: usize = 3_600;

/// `/tick` publishes a part, `/wait/{k}` answers once part k is there, `/part` is 500 ms of media.
pub(crate) async fn serve(port: u16) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let published = Arc::new((AtomicUsize::new(0), Notify::new()));
    let part = Bytes::from(crate::load::part_body(0));
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (published, part) = (Arc::clone(&published), part.clone());
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
            let (published, part) = (Arc::clone(&published), part.clone());
            async move {
                let (count, woken) = &*published;
                let path = request.uri().path();
                let body = if path == "/tick" {
                    count.fetch_add(1, Ordering::SeqCst);
                    woken.notify_waiters();
                    Bytes::new()
                } else if let Some(wanted) = path.strip_prefix("/wait/").and_then(|k| k.parse::<usize>().ok())
                {
                    loop {
                        let notified = woken.notified();
                        if count.load(Ordering::SeqCst) > wanted {
                            break;
                        }
                        notified.await;
                    }
                    Bytes::from_static(&[b'#'; PLAYLIST_BYTES])
                } else {
                    part
                };
                Ok::<_, Infallible>(Response::new(Full::new(body)))
            }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer),
        );
    }
}
