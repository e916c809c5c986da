//! A network on which some connections go wrong.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// S3 has too much to do.
    SlowDown,
    /// A server fails.
    Internal,
    /// The connection is closed, with no answer.
    Closed,
    /// There is never an answer.
    Silent,
    /// What is asked is done, and the answer is lost.
    AnswerLost,
}

/// What stands before a server: as many connections go wrong as there are faults, then none.
pub(crate) struct Faults {
    planned: Arc<Mutex<VecDeque<Fault>>>,
    port: u16,
}

impl Faults {
    /// Before the server on this port.
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let planned: Arc<Mutex<VecDeque<Fault>>> = Arc::default();
        let faults = Self { planned: Arc::clone(&planned), port };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let fault = planned.lock().unwrap().pop_front();
                tokio::spawn(connection(client, server, fault));
            }
        });
        faults
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next connections go wrong like this.
    pub(crate) fn plan(&self, faults: &[Fault]) {
        self.planned.lock().unwrap().extend(faults);
    }

    /// Those that were planned and did not come to be.
    pub(crate) fn left(&self) -> usize {
        self.planned.lock().unwrap().len()
    }
}

/// Whatever goes wrong here is part of the fault.
async fn connection(mut client: TcpStream, server: u16, fault: Option<Fault>) -> std::io::Result<()> {
    let answer = match fault {
        None => {
            let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
        Some(Fault::SlowDown) => "503 Slow Down",
        Some(Fault::Internal) => "500 Internal Server Error",
        Some(Fault::Closed | Fault::Silent | Fault::AnswerLost) => "",
    };
    let request = read_request(&mut client).await?;
    match fault {
        Some(Fault::Silent) => {
            // Until the client gives up.
            client.read_to_end(&mut Vec::new()).await?;
        }
        Some(Fault::AnswerLost) => {
            let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
            server.write_all(&request).await?;
            // Its first byte says that it is done.
            server.read_u8().await?;
        }
        Some(Fault::Closed) | None => {}
        Some(Fault::SlowDown | Fault::Internal) => {
            let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            client.write_all(answer.as_bytes()).await?;
        }
    }
    Ok(())
}

/// A request, whole.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text[..head].lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if request.len() >= head + 4 + length {
                return Ok(request);
            }
        }
        if client.read_buf(&mut request).await? == 0 {
            return Ok(request);
        }
    }
}
