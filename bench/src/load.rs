//! An encoder and viewers by the hundred, as lean as can be: what is measured is the server.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use packager_core::cmaf::chunk::{self, Sample};
use packager_core::cmaf::synthetic::{SyntheticHeader, SyntheticMedia};
use packager_core::time::Timescale;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Parts in a segment, and how often one is sent.
pub(crate) const PARTS_PER_SEGMENT: usize = 4;
pub(crate) const PART: Duration = Duration::from_millis(500);
const FRAMES_PER_PART: u64 = 15;
/// 300 kbit/s.
const FRAME_BYTES: u32 = 1_250;

/// When the last byte of each part was handed to the system.
pub(crate) type SentAt = Arc<Vec<OnceLock<Instant>>>;

/// From a playlist to the URL of its newest part.
pub(crate) type PartOf = dyn Fn(&[u8]) -> String + Send + Sync;

/// A stage on which parts appear: Rimcast, or the bare server that is the yardstick.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) port: u16,
    /// The URL that is answered once part k is there.
    pub(crate) playlist: Arc<dyn Fn(usize) -> String + Send + Sync>,
    /// The URL of part k, given the playlist that was answered.
    pub(crate) part: Arc<PartOf>,
}

/// Pushes `parts` parts of one video track in one chunked body, each when it is due.
pub(crate) async fn encode(port: u16, path: &str, parts: usize, sent: SentAt) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.set_nodelay(true)?;
    let head = format!("PUT {path} HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    let media = SyntheticMedia::Avc { width: 640, height: 360 };
    let header = SyntheticHeader::new(1, Timescale::new(15_360).expect("not zero"), media).write();
    send(&mut socket, &header).await?;
    let begun = tokio::time::Instant::now();
    for part in 0..parts {
        let body = part_body(part as u64);
        tokio::time::sleep_until(begun + PART * (part as u32 + 1)).await;
        send(&mut socket, &body).await?;
        let _ = sent[part].set(Instant::now());
    }
    socket.write_all(b"0\r\n\r\n").await?;
    let mut answer = [0; 512];
    let _ = socket.read(&mut answer).await?;
    Ok(())
}

/// Makes parts appear on the yardstick at the same pace.
pub(crate) async fn tick(port: u16, parts: usize, sent: SentAt) -> std::io::Result<()> {
    let mut viewer = Viewer::connect(port).await?;
    let begun = tokio::time::Instant::now();
    for part in 0..parts {
        tokio::time::sleep_until(begun + PART * (part as u32 + 1)).await;
        let _ = sent[part].set(Instant::now());
        viewer.get("/tick").await?;
    }
    Ok(())
}

async fn send(socket: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let mut chunk = format!("{:x}\r\n", body.len()).into_bytes();
    chunk.extend_from_slice(body);
    chunk.extend_from_slice(b"\r\n");
    socket.write_all(&chunk).await
}

pub(crate) fn part_body(part: u64) -> Vec<u8> {
    let first = part * FRAMES_PER_PART;
    let samples: Vec<_> = (first..first + FRAMES_PER_PART)
        .map(|frame| Sample {
            duration_ticks: 512,
            bytes: FRAME_BYTES,
            sync: frame % 60 == 0,
            composition_ticks: 0,
        })
        .collect();
    let payload = Bytes::from(vec![part as u8; FRAME_BYTES as usize * samples.len()]);
    chunk::write(part as u32, 1, first * 512, &samples, payload).concat()
}

/// One keep-alive connection.
pub(crate) struct Viewer {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Viewer {
    pub(crate) async fn connect(port: u16) -> std::io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(32 << 10) })
    }

    /// Sends a request without waiting for the answer.
    pub(crate) async fn ask(&mut self, path: &str) -> std::io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        self.socket.write_all(request.as_bytes()).await
    }

    /// Reads an answer with a Content-Length; its status and body.
    pub(crate) async fn answer(&mut self) -> std::io::Result<(u16, Vec<u8>)> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
                let whole = end + 4 + length.unwrap_or(0_usize);
                while self.buffer.len() < whole {
                    self.read().await?;
                }
                let body = self.buffer[end + 4..whole].to_vec();
                self.buffer.drain(..whole);
                return Ok((status, body));
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> std::io::Result<()> {
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
        self.ask(path).await?;
        self.answer().await
    }
}

/// What viewers saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// From the part's last byte in to the playlist's last byte out.
    pub(crate) playlists: Vec<Duration>,
    /// From asking for a part to its last byte.
    pub(crate) parts: Vec<Duration>,
    /// Answers that were not 200.
    pub(crate) errors: usize,
}

/// `viewers` of them wait for the parts `range`, and fetch each part if `with_parts`.
pub(crate) async fn watch(
    stage: &Stage,
    viewers: usize,
    range: std::ops::Range<usize>,
    with_parts: bool,
    sent: &SentAt,
) -> Seen {
    // Asking further ahead than the playlist allows is a mistake, not a wait.
    while range.start > 0 && sent[range.start - 1].get().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..viewers {
        let (stage, sent, range) = (stage.clone(), Arc::clone(sent), range.clone());
        tasks.spawn(async move {
            let mut seen = Seen::default();
            let Ok(mut viewer) = Viewer::connect(stage.port).await else {
                return Seen { errors: 1, ..seen };
            };
            for part in range {
                let Ok((status, playlist)) = viewer.get(&(stage.playlist)(part)).await else {
                    seen.errors += 1;
                    break;
                };
                let done = Instant::now();
                match sent[part].get() {
                    Some(sent) if status == 200 => seen.playlists.push(done.saturating_duration_since(*sent)),
                    _ => seen.errors += 1,
                }
                if with_parts && status == 200 {
                    let asked = Instant::now();
                    match viewer.get(&(stage.part)(&playlist)).await {
                        Ok((200, _)) => seen.parts.push(asked.elapsed()),
                        _ => seen.errors += 1,
                    }
                }
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        let seen = seen.unwrap_or_default();
        all.playlists.extend(seen.playlists);
        all.parts.extend(seen.parts);
        all.errors += seen.errors;
    }
    all.playlists.sort();
    all.parts.sort();
    all
}
