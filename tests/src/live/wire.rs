//! A response as it comes over the wire: when each of its bytes was there, and how it ended.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Longest that a server may send nothing.
const LIMIT: Duration = Duration::from_secs(30);

/// A request under way, on a socket and in a thread of its own.
pub struct Wire {
    reader: JoinHandle<Received>,
}

/// A chunked response (RFC 9112 §7.1) whose connection has ended, or that has.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Status line and headers.
    pub head: String,
    /// What came of the body.
    pub body: Vec<u8>,
    /// How much of the body was there when.
    arrived: Vec<(usize, SystemTime)>,
    /// When the terminating chunk was there, if it came.
    pub ended: Option<SystemTime>,
}

impl Received {
    /// When so many bytes of the body were there.
    ///
    /// # Panics
    ///
    /// They did not come.
    pub fn had(&self, bytes: usize) -> SystemTime {
        let at = self.arrived.iter().find(|(had, _)| *had >= bytes);
        at.unwrap_or_else(|| panic!("{bytes} bytes did not come, but {}", self.body.len())).1
    }
}

impl Wire {
    /// Sends a GET, and reads what comes.
    ///
    /// # Panics
    ///
    /// Nobody listens.
    pub fn get(url: &str) -> Self {
        Self::read(Self::ask(url))
    }

    /// Sends a GET, and reads nothing.
    ///
    /// # Panics
    ///
    /// Nobody listens.
    pub fn ask(url: &str) -> TcpStream {
        let (address, path) =
            url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL");
        let mut socket = TcpStream::connect(address).expect("it listens");
        socket.set_read_timeout(Some(LIMIT)).expect("that is no zero");
        write!(socket, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
        socket
    }

    /// Reads what comes.
    pub fn read(mut socket: TcpStream) -> Self {
        Self { reader: std::thread::spawn(move || receive(&mut socket)) }
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// It is no chunked response.
    pub fn ended(self) -> Received {
        self.reader.join().expect("the response can be read")
    }
}

fn receive(socket: &mut TcpStream) -> Received {
    let mut received = Received::default();
    // What came and was not taken apart yet.
    let mut raw = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while received.ended.is_none() {
        match socket.read(&mut piece) {
            Ok(0) => break,
            Ok(bytes) => raw.extend_from_slice(&piece[..bytes]),
            Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => panic!("nothing for {LIMIT:?}"),
            Err(_) => break,
        }
        let now = SystemTime::now();
        if received.head.is_empty() {
            let Some(end) = raw.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            received.head = String::from_utf8_lossy(&raw[..end]).into_owned();
            raw.drain(..end + 4);
            let head = received.head.to_ascii_lowercase();
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
        }
        while let Some((head_bytes, size)) = chunk_head(&raw) {
            let whole = head_bytes + size + 2;
            if raw.len() < whole {
                break;
            }
            received.body.extend_from_slice(&raw[head_bytes..head_bytes + size]);
            raw.drain(..whole);
            match size {
                0 => received.ended = Some(now),
                _ => received.arrived.push((received.body.len(), now)),
            }
        }
    }
    received
}

/// Bytes of the line that begins a chunk, and of what is in it.
fn chunk_head(raw: &[u8]) -> Option<(usize, usize)> {
    let line = raw.windows(2).position(|end| end == b"\r\n")?;
    let size = std::str::from_utf8(&raw[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
    Some((line + 2, size.expect("a chunk begins with its size")))
}
