//! Accepting connections: HTTP/1.1 and HTTP/2 on one port, with or without TLS, in little memory
//! each, for viewers by the thousand.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::host::Host;

/// A request's head must be there this long after the connection was made or the last response
/// was sent. It bounds both idle connections and clients that send their headers drop by drop;
/// CDNs keep idle connections for a minute or less.
const HEAD_TIMEOUT: Duration = Duration::from_secs(65);

/// A TLS handshake takes less, or is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTP/2 peers that answer no ping for this long after [`PING_INTERVAL`] are gone.
const PING_TIMEOUT: Duration = Duration::from_secs(15);
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A peer that acknowledges nothing, or takes nothing, for this long is gone.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests at once on one HTTP/2 connection: a CDN multiplexes a whole data centre over a few.
const STREAMS_PER_CONNECTION: u32 = 256;

/// How long responses may take to end once the process was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// What connections are accepted on.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Listens.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, tls })
    }

    /// Where it listens, with the port that was given to it.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stopping` says so, then lets responses end, but not for long.
    pub(crate) async fn serve(self, host: Arc<Host>, mut stopping: watch::Receiver<bool>) {
        let graceful = Arc::new(GracefulShutdown::new());
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                _ = stopping.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => self.spawn(stream, peer, &host, &graceful),
                Err(why) => {
                    // Out of file descriptors, most likely: connections that end free some.
                    tracing::warn!("cannot accept a connection: {why}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.tcp);
        // Connections that are still in their handshake hold the other references, for a moment.
        let ended = async {
            let mut graceful = graceful;
            loop {
                match Arc::try_unwrap(graceful) {
                    Ok(graceful) => return graceful.shutdown().await,
                    Err(shared) => graceful = shared,
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::debug!("some responses did not end in time");
        }
    }

    fn spawn(&self, stream: TcpStream, peer: SocketAddr, host: &Arc<Host>, graceful: &Arc<GracefulShutdown>) {
        if let Err(why) = tune(&stream) {
            tracing::debug!(%peer, "cannot tune the connection: {why}");
        }
        let host = Arc::clone(host);
        match self.tls.clone() {
            None => {
                serve_connection(stream, peer, host, graceful);
            }
            Some(tls) => {
                let graceful = Arc::clone(graceful);
                tokio::spawn(async move {
                    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                        Ok(Ok(stream)) => serve_connection(stream, peer, host, &graceful),
                        Ok(Err(why)) => tracing::debug!(%peer, "TLS handshake failed: {why}"),
                        Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
                    }
                });
            }
        }
    }
}

fn serve_connection<I>(io: I, peer: SocketAddr, host: Arc<Host>, graceful: &GracefulShutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        // hyper's least, 8 kB: a viewer's request takes 1 kB, and thousands of them are held.
        .max_buf_size(16 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_header_list_size(16 << 10);
    let service = service_fn(move |request| {
        let host = Arc::clone(&host);
        async move { Ok::<_, std::convert::Infallible>(host.answer(peer, request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(io), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(why) = connection.await {
            tracing::debug!(%peer, "connection ended: {why}");
        }
    });
}

/// Parts go out at once, and peers that are gone are noticed.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_keepalive(
        &socket2::TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(10)),
    )?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_TIMEOUT))?;
    Ok(())
}
