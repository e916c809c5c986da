//! `rimcast demo`: a server, and an encoder that pushes a built-in clip to it, over and over, as
//! ffmpeg would push what a camera sees.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use hyper_util::rt::TokioIo;
use packager_core::cmaf::chunk::write;
use packager_core::cmaf::{Chunk, ChunkError, Header, HeaderError, Item, Scanner};
use packager_core::isobmff::Malformed;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::serve::{ServeError, Server, told_to_stop};
use crate::settings::{Options, Settings, SettingsError};

/// The broadcast's name.
const BROADCAST: &str = "demo";

/// How much goes into one PUT.
const SEGMENT_MS: u64 = 2000;

/// How long the encoders may take to end.
const ENDING: Duration = Duration::from_secs(2);

/// Ports tried, from 8080 on.
const PORTS: u16 = 20;

const CLIPS: [(&str, &[u8]); 3] = [
    ("video-540p", include_bytes!("../demo/video-540p.mp4")),
    ("video-270p", include_bytes!("../demo/video-270p.mp4")),
    ("audio", include_bytes!("../demo/audio.mp4")),
];

/// Arguments of `rimcast demo`.
#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// Address and port to listen on [default: 127.0.0.1:8080, or the next free port]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Keep the data in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The server does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Never, with the arguments there are.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No temporary folder.
    #[error("cannot make a temporary folder: {0}; name one with --data")]
    Temporary(io::Error),
    /// The clip that is built in cannot be read.
    #[error("the built-in clip {name} cannot be used: {why}")]
    Clip {
        /// Its name.
        name: &'static str,
        /// Why.
        why: String,
    },
}

/// Runs until it is told to stop.
pub(crate) async fn run(args: DemoArgs) -> Result<(), DemoError> {
    let clips = CLIPS.map(|(name, bytes)| {
        Clip::read(name, Bytes::from_static(bytes)).map_err(|why| DemoError::Clip { name, why })
    });
    // Removed when it goes out of scope.
    let temporary = match args.data {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(DemoError::Temporary)?),
    };
    let data = args.data.or(temporary.as_ref().map(|dir| dir.path().to_owned()));
    let server = start(args.listen, data).await?;
    println!("Watch   {}/{BROADCAST}/", server.url());
    println!("HLS     {}/{BROADCAST}/index.m3u8", server.url());
    println!("Ctrl-C ends it.");
    let began = Instant::now();
    let (stop, stopping) = watch::channel(false);
    let mut encoders = JoinSet::new();
    for clip in clips {
        encoders.spawn(encode(clip?, server.address(), began, stopping.clone()));
    }
    told_to_stop().await;
    // Encoders end what they are sending before the server goes.
    let _ = stop.send(true);
    let _ = tokio::time::timeout(ENDING, encoders.join_all()).await;
    server.stop().await;
    Ok(())
}

/// Starts the server on the address asked for, or on the first free port.
async fn start(listen: Option<SocketAddr>, data: Option<PathBuf>) -> Result<Server, DemoError> {
    let mut port = 8080;
    loop {
        let address = listen.unwrap_or((Ipv4Addr::LOCALHOST, port).into());
        let options = Options { listen: Some(address), data: data.clone(), ..Options::default() };
        match Server::start(&Settings::resolve(options, None)?).await {
            Err(ServeError::Listen { why, .. })
                if why.kind() == io::ErrorKind::AddrInUse && listen.is_none() && port < 8080 + PORTS =>
            {
                port += 1;
            }
            started => return Ok(started?),
        }
    }
}

/// A track of the clip.
struct Clip {
    name: &'static str,
    init: Bytes,
    header: Header,
    chunks: Vec<Chunk>,
}

impl Clip {
    fn read(name: &'static str, bytes: Bytes) -> Result<Self, String> {
        let malformed = |why: Malformed| why.to_string();
        let mut scanner = Scanner::new();
        scanner.push(bytes);
        let mut init: Option<(Bytes, Header)> = None;
        let mut chunks = Vec::new();
        while let Some(item) = scanner.next().map_err(malformed)? {
            match item {
                Item::Header(bytes) => {
                    let header = Header::parse(&bytes).map_err(|why: HeaderError| why.to_string())?;
                    init = Some((bytes, header));
                }
                Item::Chunk(bytes) => {
                    let (_, header) = init.as_ref().ok_or("it has media before its header")?;
                    chunks.push(Chunk::parse(&bytes, header).map_err(|why: ChunkError| why.to_string())?);
                }
            }
        }
        scanner.finish().map_err(malformed)?;
        let (init, header) = init.ok_or("it has no header")?;
        if chunks.is_empty() {
            return Err("it has no media".to_owned());
        }
        Ok(Self { name, init, header, chunks })
    }

    /// The chunks, turn after turn, on one timeline.
    fn turns(&self) -> impl Iterator<Item = Encoded> {
        let turn_ticks = self.chunks.last().map_or(0, Chunk::end_ticks);
        (0_u64..).flat_map(move |turn| {
            self.chunks.iter().map(move |chunk| {
                let start_ticks = chunk.start_ticks() + turn * turn_ticks;
                let samples = chunk.samples();
                let payload = chunk.payload().clone();
                Encoded {
                    start_ticks,
                    end_ticks: start_ticks + chunk.duration_ticks(),
                    body: write(chunk.sequence(), chunk.track_id(), start_ticks, samples, payload),
                }
            })
        })
    }
}

/// A chunk at its place in the endless timeline.
struct Encoded {
    start_ticks: u64,
    end_ticks: u64,
    body: Vec<Bytes>,
}

/// Pushes a track, each chunk at the moment it would have been encoded.
async fn encode(clip: Clip, to: SocketAddr, began: Instant, mut stopping: watch::Receiver<bool>) {
    let url = |file: &str| format!("/ingest/{BROADCAST}/{}{file}", clip.name);
    if let Err(why) = put(to, url("/init.mp4"), Full::new(clip.init.clone())).await {
        tracing::warn!("cannot push {}: {why}", clip.name);
    }
    let timescale = clip.header.timescale;
    let mut open: Option<(u64, mpsc::Sender<Bytes>)> = None;
    let mut puts = JoinSet::new();
    for chunk in clip.turns() {
        let end_ms = timescale.ms_from_ticks(chunk.end_ticks);
        tokio::select! {
            () = tokio::time::sleep_until(began + Duration::from_millis(end_ms)) => {}
            _ = stopping.wait_for(|stop| *stop) => break,
        }
        let segment = timescale.ms_from_ticks(chunk.start_ticks) / SEGMENT_MS;
        let pieces = match open.take().filter(|(of, _)| *of == segment) {
            Some((_, pieces)) => pieces,
            None => {
                // What was open ends by being dropped.
                let (pieces, body) = mpsc::channel(4);
                let path = url(&format!("/{segment:05}.m4s"));
                let name = clip.name;
                while puts.try_join_next().is_some() {}
                puts.spawn(async move {
                    if let Err(why) = put(to, path, Pieces(body)).await {
                        tracing::warn!("cannot push {name}: {why}");
                    }
                });
                pieces
            }
        };
        for piece in chunk.body {
            // The request has failed, and has said so.
            let _ = pieces.send(piece).await;
        }
        open = Some((segment, pieces));
    }
    drop(open);
    puts.join_all().await;
}

/// One PUT, on a connection of its own.
async fn put<B>(to: SocketAddr, path: String, body: B) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::PUT)
        .uri(path)
        .header(http::header::HOST, to.to_string())
        .body(body)?;
    let response = sender.send_request(request).await?;
    if response.status().is_success() {
        return Ok(());
    }
    let status = response.status();
    let said = response.into_body().collect().await?.to_bytes();
    Err(format!("{status}: {}", String::from_utf8_lossy(&said).trim()).into())
}

/// A body that is sent as it comes.
struct Pieces(mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_loops_without_a_seam() {
        for (name, bytes) in CLIPS {
            let clip = Clip::read(name, Bytes::from_static(bytes)).unwrap();
            let mut end_ticks = 0;
            for chunk in clip.turns().take(3 * clip.chunks.len()) {
                assert_eq!(chunk.start_ticks, end_ticks, "{name}");
                end_ticks = chunk.end_ticks;
            }
            assert_eq!(clip.header.timescale.ms_from_ticks(end_ticks), 24_000, "{name}");
        }
    }
}
