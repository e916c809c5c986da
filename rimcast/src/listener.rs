//! Accepting connections: HTTP/1.1 and HTTP/2 on one port, with or without TLS, in little memory
//! each, for viewers by the thousand.
//!
//! Which of the two a client speaks is found out before hyper is involved (by ALPN, or by a look at
//! the first bytes): hyper-util's `auto` connection costs each viewer twice the memory.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
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

/// What an HTTP/2 connection begins with (RFC 9113 §3.4); no method of HTTP/1.1 does.
const H2_PREFACE_START: &[u8] = b"PRI";

/// A TLS handshake takes less, or is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTP/2 peers that answer no ping for this long after [`PING_INTERVAL`] are gone.
const PING_TIMEOUT: Duration = Duration::from_secs(15);
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A peer that acknowledges nothing, or takes nothing, for this long is gone.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest head of a request: room for the cookies of whatever else is on the same domain.
const HEAD_BYTES: u32 = 16 << 10;

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

    /// Finds out what the client speaks, in a task that ends there: the connection's own task, of
    /// which there are thousands, is as small as can be.
    fn spawn(&self, stream: TcpStream, peer: SocketAddr, host: &Arc<Host>, graceful: &Arc<GracefulShutdown>) {
        if let Err(why) = tune(&stream) {
            tracing::debug!(%peer, "cannot tune the connection: {why}");
        }
        let (host, graceful, tls) = (Arc::clone(host), Arc::clone(graceful), self.tls.clone());
        tokio::spawn(async move {
            let Some(tls) = tls else {
                match tokio::time::timeout(HEAD_TIMEOUT, speaks_h2(&stream)).await {
                    Ok(Ok(true)) => serve_h2(stream, peer, host, &graceful),
                    Ok(Ok(false)) => serve_h1(stream, peer, host, &graceful),
                    Ok(Err(why)) => tracing::debug!(%peer, "the connection ended: {why}"),
                    Err(_) => tracing::debug!(%peer, "nothing was asked on this connection"),
                }
                return;
            };
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                    serve_h2(stream, peer, host, &graceful);
                }
                Ok(Ok(stream)) => serve_h1(stream, peer, host, &graceful),
                Ok(Err(why)) => tracing::debug!(%peer, "TLS handshake failed: {why}"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            }
        });
    }
}

/// Whether the client begins with HTTP/2 (prior knowledge), without taking what it sent.
async fn speaks_h2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; H2_PREFACE_START.len()];
    loop {
        let read = stream.peek(&mut start).await?;
        if read == start.len() || !H2_PREFACE_START.starts_with(&start[..read]) || read == 0 {
            return Ok(start == H2_PREFACE_START);
        }
        // A client that sends its first word in pieces: the bytes that are there would be found
        // again at once.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn serve_h1<I>(io: I, peer: SocketAddr, host: Arc<Host>, graceful: &GracefulShutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES as usize)
        .serve_connection(
            TokioIo::new(io),
            service_fn(move |request| Arc::clone(&host).answer(peer, request)),
        );
    // How it ends is between the client and hyper.
    tokio::spawn(graceful.watch(connection));
}

fn serve_h2<I>(io: I, peer: SocketAddr, host: Arc<Host>, graceful: &GracefulShutdown)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_header_list_size(HEAD_BYTES)
        .serve_connection(
            TokioIo::new(io),
            service_fn(move |request| Arc::clone(&host).answer(peer, request)),
        );
    tokio::spawn(graceful.watch(connection));
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
