//! Bodies of responses: whole, or sent piece by piece as they are read.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// The body of a response.
pub(crate) enum Outgoing {
    /// All there is.
    Whole(Bytes),
    /// Pieces, as they come.
    Pieces {
        /// Where they come from.
        pieces: mpsc::Receiver<Result<Bytes, BrokenOff>>,
        /// How many bytes are still to come, when it is known.
        rest_bytes: Option<u64>,
    },
}

/// Ends a response without a proper end, so that no cache takes what came so far for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the response was broken off: what should follow did not come")]
pub(crate) struct BrokenOff;

impl Outgoing {
    /// No body.
    pub(crate) const EMPTY: Self = Self::Whole(Bytes::new());
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces { pieces, rest_bytes } => pieces.poll_recv(cx).map(|piece| {
                if let (Some(rest), Some(Ok(piece))) = (rest_bytes.as_mut(), &piece) {
                    *rest = rest.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                }
                match piece {
                    // The sender is gone before all was sent.
                    None if rest_bytes.is_some_and(|rest| rest > 0) => Some(Err(BrokenOff)),
                    piece => piece.map(|piece| piece.map(Frame::data)),
                }
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Pieces { rest_bytes, .. } => *rest_bytes == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::Pieces { rest_bytes: Some(rest), .. } => SizeHint::with_exact(*rest),
            Self::Pieces { rest_bytes: None, .. } => SizeHint::default(),
        }
    }
}
