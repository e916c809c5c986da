//! A stretch of network that can be cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Hands connections on to a port of this machine, until it is cut.
pub struct Network {
    port: u16,
    target: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_cut: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Network {
    /// To this port.
    ///
    /// # Panics
    ///
    /// There is no port for it.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared::default());
        let all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                // Who connects to a network that is cut hears nothing: it is held open, and forgotten.
                let mut streams = all.streams.lock().unwrap_or_else(PoisonError::into_inner);
                let to = TcpStream::connect(("127.0.0.1", target));
                if let (false, Ok(to)) = (all.is_cut.load(Ordering::SeqCst), to) {
                    for (mut one, mut other) in [(copy(&from), copy(&to)), (copy(&to), copy(&from))] {
                        std::thread::spawn(move || pass(&mut one, &mut other));
                    }
                    streams.push(to);
                }
                streams.push(from);
            }
        });
        Self { port, target, shared }
    }

    /// A URL of what it leads to, through it.
    pub fn through(&self, url: &str) -> String {
        url.replacen(&format!(":{}/", self.target), &format!(":{}/", self.port), 1)
    }

    /// All connections break.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        self.end_all();
    }

    /// Connections are possible again.
    pub fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
        self.end_all();
    }

    fn end_all(&self) {
        let mut streams = self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn copy(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("there is room for a descriptor")
}

fn pass(from: &mut TcpStream, to: &mut TcpStream) {
    let mut buffer = [0; 64 << 10];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
