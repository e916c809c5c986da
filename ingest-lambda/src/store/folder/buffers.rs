//! Memory that objects are read into, and that is used again.
//!
//! Allocators give large blocks back to the system as soon as they are free, and the system clears every page of the next
//! one when it is first written to: of a large part that takes longer than reading it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Objects smaller than this are left to the allocator.
const LARGE_BYTES: usize = 256 << 10;

/// Memory that is free at the moment.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The one that became free last is the last.
    free: Mutex<Vec<Vec<u8>>>,
    /// How much of it is kept; 0: none.
    most_bytes: usize,
}

impl Buffers {
    /// Keeps up to so many bytes.
    pub(super) fn keeping(most_bytes: usize) -> Self {
        Self { free: Mutex::default(), most_bytes }
    }

    /// An empty buffer with room for so many bytes.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Buffer {
        if bytes < LARGE_BYTES || self.most_bytes == 0 {
            return Buffer { bytes: Vec::with_capacity(bytes), back_to: None };
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = free.iter().rposition(|buffer| buffer.capacity() >= bytes);
        let found = fitting.map(|index| free.remove(index));
        drop(free);
        // What is not written to takes no memory, and the next object may be somewhat larger.
        let new = || Vec::with_capacity(bytes.checked_next_power_of_two().unwrap_or(bytes));
        Buffer { bytes: found.unwrap_or_else(new), back_to: Some(Arc::clone(self)) }
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(buffer);
        let mut kept: usize = free.iter().map(Vec::capacity).sum();
        // Those that nothing fitted into for longest.
        while kept > self.most_bytes {
            kept -= free.remove(0).capacity();
        }
    }
}

/// A buffer, which is used again once nobody holds what is in it any more.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
    back_to: Option<Arc<Buffers>>,
}

impl From<Buffer> for Bytes {
    fn from(mut buffer: Buffer) -> Self {
        match buffer.back_to {
            Some(_) => Bytes::from_owner(buffer),
            None => std::mem::take(&mut buffer.bytes).into(),
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(buffers) = self.back_to.take() {
            buffers.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_once_nobody_reads_in_it() {
        let buffers = Arc::new(Buffers::keeping(3 << 20));
        let mut first = buffers.take(1 << 20);
        first.bytes.extend_from_slice(b"moof");
        let at = first.bytes.as_ptr();
        let first = Bytes::from(first);
        let slice = first.slice(1..);
        drop(first);
        let second = buffers.take(1 << 20);
        assert_ne!(second.bytes.as_ptr(), at);
        assert_eq!(slice, "oof");
        drop(slice);
        let third = buffers.take(1_000_000);
        assert_eq!((third.bytes.as_ptr(), third.bytes.len()), (at, 0));
        // No more is kept than was said, and nothing that is small or of who keeps nothing.
        drop([buffers.take(2 << 20), buffers.take(2 << 20), second, third]);
        let kept = |buffers: &Buffers| buffers.free.lock().unwrap().iter().map(Vec::capacity).sum::<usize>();
        assert_eq!(kept(&buffers), 2 << 20);
        drop(buffers.take(1000));
        assert_eq!(kept(&buffers), 2 << 20);
        let none = Arc::new(Buffers::default());
        drop(none.take(2 << 20));
        assert_eq!(kept(&none), 0);
    }
}
