//! The frame that every box has: size and type (ISO/IEC 14496-12 §4.2), and walking a row of boxes.

use super::{Fields, FourCc, Malformed};

/// What the first bytes of a box say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxHeader {
    /// The box's type.
    pub kind: FourCc,
    /// Length of size and type: 8, or 16 with a 64-bit size.
    pub header_bytes: u64,
    /// Length of the whole box with its header: never less than `header_bytes`, never over `2^63`.
    pub total_bytes: u64,
}

impl BoxHeader {
    /// Length of what follows the header.
    pub fn body_bytes(&self) -> u64 {
        self.total_bytes.saturating_sub(self.header_bytes)
    }
}

/// Reads the header of the box that `bytes` begin with; `None` when more bytes are needed.
///
/// # Errors
///
/// The size is smaller than the header, larger than `2^63`, or 0 ("to the end of the file"): a
/// live stream has no end of file, so such a box could never be complete.
pub fn peek(bytes: &[u8]) -> Result<Option<BoxHeader>, Malformed> {
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some((kind, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let kind = FourCc(*kind);
    let malformed = |what| Malformed { kind, offset: 0, what };
    let (header_bytes, total_bytes) = match u32::from_be_bytes(*size) {
        0 => {
            return Err(malformed(
                "has size 0, \"to the end of the file\", which a live stream does not have",
            ));
        }
        1 => match rest.first_chunk::<8>() {
            None => return Ok(None),
            Some(size) => (16, u64::from_be_bytes(*size)),
        },
        size => (8, u64::from(size)),
    };
    if total_bytes < header_bytes {
        return Err(malformed("says that it is smaller than its own header"));
    }
    if total_bytes > 1 << 63 {
        return Err(malformed("says that it is larger than any file"));
    }
    Ok(Some(BoxHeader { kind, header_bytes, total_bytes }))
}

/// A whole box, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct BoxRef<'a> {
    /// The box's type.
    pub kind: FourCc,
    /// Where the box begins, in bytes from the start of what was read.
    pub offset: u64,
    /// The box with its header.
    pub bytes: &'a [u8],
    /// What follows the header.
    pub body: &'a [u8],
}

impl<'a> BoxRef<'a> {
    /// Where the box's body begins, in bytes from the start of what was read.
    pub fn body_offset(&self) -> u64 {
        let header_bytes = self.bytes.len().saturating_sub(self.body.len());
        self.offset.saturating_add(header_bytes as u64)
    }

    /// Where the box ends, in bytes from the start of what was read.
    pub fn end_offset(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    /// A reader of the fields in the body.
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.kind, self.body, self.body_offset())
    }

    /// The boxes in the body, for a box that holds nothing else.
    pub fn children(&self) -> Boxes<'a> {
        self.fields().children()
    }

    /// The first child of this type.
    ///
    /// # Errors
    ///
    /// A child before it is malformed.
    pub fn child(&self, kind: &[u8; 4]) -> Result<Option<BoxRef<'a>>, Malformed> {
        find(self.children(), kind)
    }

    /// The first child of this type; `missing` is the error's text when there is none.
    ///
    /// # Errors
    ///
    /// There is none, or a child before it is malformed.
    pub fn require(&self, kind: &[u8; 4], missing: &'static str) -> Result<BoxRef<'a>, Malformed> {
        self.child(kind)?.ok_or_else(|| self.malformed(missing))
    }

    /// An error about this box.
    pub fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { kind: self.kind, offset: self.offset, what }
    }
}

/// The first box of this type in a row of boxes.
pub(super) fn find<'a>(boxes: Boxes<'a>, kind: &[u8; 4]) -> Result<Option<BoxRef<'a>>, Malformed> {
    for child in boxes {
        let child = child?;
        if child.kind.0 == *kind {
            return Ok(Some(child));
        }
    }
    Ok(None)
}

/// A row of boxes from the start of a file, segment or request body.
pub fn boxes(bytes: &[u8]) -> Boxes<'_> {
    Boxes { rest: bytes, offset: 0, parent: None }
}

/// Iterates over a row of boxes; after an error it ends.
#[derive(Debug, Clone)]
pub struct Boxes<'a> {
    rest: &'a [u8],
    offset: u64,
    /// The box that holds the row.
    parent: Option<FourCc>,
}

impl<'a> Boxes<'a> {
    pub(super) fn inside(parent: FourCc, bytes: &'a [u8], offset: u64) -> Self {
        Self { rest: bytes, offset, parent: Some(parent) }
    }

    fn step(&mut self) -> Result<Option<BoxRef<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        // QuickTime ends some containers with a 32-bit zero, and its descendants still do.
        if let Some(parent) = self.parent
            && self.rest.len() < 8
        {
            return if self.rest.iter().all(|byte| *byte == 0) {
                Ok(None)
            } else {
                Err(Malformed {
                    kind: parent,
                    offset: self.offset,
                    what: "ends in the middle of a box that it holds",
                })
            };
        }
        let header = peek(self.rest).map_err(|error| error.moved(self.offset))?;
        let Some(header) = header else {
            return Err(Malformed {
                kind: self.parent.unwrap_or(FourCc(*b"????")),
                offset: self.offset,
                what: "ends before its header does",
            });
        };
        let whole =
            usize::try_from(header.total_bytes).ok().and_then(|total| self.rest.split_at_checked(total));
        let body = usize::try_from(header.header_bytes)
            .ok()
            .and_then(|skip| whole.and_then(|(bytes, _)| bytes.get(skip..)));
        let (Some((bytes, rest)), Some(body)) = (whole, body) else {
            return Err(Malformed {
                kind: header.kind,
                offset: self.offset,
                what: "is longer than the bytes that hold it",
            });
        };
        let found = BoxRef { kind: header.kind, offset: self.offset, bytes, body };
        self.rest = rest;
        self.offset = found.end_offset();
        Ok(Some(found))
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<BoxRef<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.rest = &[];
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_needs_eight_or_sixteen_bytes() {
        let bytes = b"\0\0\0\x10moofrest";
        for cut in 0..8 {
            assert_eq!(peek(&bytes[..cut]), Ok(None));
        }
        let header = peek(bytes).unwrap().unwrap();
        assert_eq!(header.kind, FourCc(*b"moof"));
        assert_eq!((header.header_bytes, header.total_bytes), (8, 16));

        let long = b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x20";
        for cut in 0..16 {
            assert_eq!(peek(&long[..cut]), Ok(None));
        }
        let header = peek(long).unwrap().unwrap();
        assert_eq!((header.header_bytes, header.total_bytes), (16, 32));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let zero = peek(b"\0\0\0\0mdat").unwrap_err();
        assert!(zero.to_string().contains("size 0"), "{zero}");
        for size in 2..8u8 {
            assert!(peek(&[0, 0, 0, size, b'f', b'r', b'e', b'e']).is_err());
        }
        for size in [0u64, 15, (1 << 63) + 1, u64::MAX] {
            let mut bytes = b"\0\0\0\x01mdat".to_vec();
            bytes.extend_from_slice(&size.to_be_bytes());
            assert!(peek(&bytes).is_err(), "{size}");
        }
    }

    #[test]
    fn a_row_ends_at_the_first_error() {
        let mut row = boxes(b"\0\0\0\x08free\0\0\0\x09skip");
        assert_eq!(row.next().unwrap().unwrap().kind, FourCc(*b"free"));
        let error = row.next().unwrap().unwrap_err();
        assert_eq!((error.kind, error.offset), (FourCc(*b"skip"), 8));
        assert!(row.next().is_none());
    }

    #[test]
    fn a_container_may_end_with_a_quicktime_terminator() {
        let body = b"\0\0\0\x08free\0\0\0\0";
        assert_eq!(Boxes::inside(FourCc(*b"udta"), body, 8).count(), 1);
        assert!(boxes(body).any(|found| found.is_err()));
    }
}
