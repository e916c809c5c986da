//! A push under the test's control: one track in one long request, chunk by chunk.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::media::Source;

/// An open request. Dropped before it is finished, it is an encoder that dies.
pub struct Feed {
    socket: TcpStream,
    /// Its media.
    pub source: Source,
}

impl Feed {
    /// Begins the request, and sends the header.
    ///
    /// # Panics
    ///
    /// Nobody listens.
    pub fn open(port: u16, path: &str, source: Source) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let mut feed = Self { socket, source };
        let head = format!("POST {path} HTTP/1.1\r\nHost: feed\r\nTransfer-Encoding: chunked\r\n\r\n");
        feed.socket.write_all(head.as_bytes()).expect("it reads");
        let header = feed.source.header.clone();
        feed.write(&header);
        feed
    }

    /// Sends some chunks.
    ///
    /// # Panics
    ///
    /// The connection is gone.
    pub fn send(&mut self, chunks: std::ops::Range<usize>) {
        let bodies: Vec<_> = self.source.chunks[chunks].iter().map(|chunk| chunk.body().concat()).collect();
        for body in bodies {
            self.write(&body);
        }
    }

    /// Ends the request; the status of the answer.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn finish(mut self) -> u16 {
        self.socket.write_all(b"0\r\n\r\n").expect("it reads");
        let mut answer = [0; 12];
        self.socket.read_exact(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer[9..]).parse().expect("an answer begins with its status")
    }

    /// Sends some bytes.
    ///
    /// # Panics
    ///
    /// The connection is gone.
    pub fn write(&mut self, body: &[u8]) {
        let head = format!("{:x}\r\n", body.len());
        self.socket.write_all(&[head.as_bytes(), body, b"\r\n"].concat()).expect("it reads");
    }
}
