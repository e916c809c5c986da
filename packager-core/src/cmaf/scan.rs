//! From an upload's bytes, as they come in, to whole headers and chunks.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};

use crate::isobmff::{BoxHeader, FourCc, Malformed, boxes, ftyp, peek};
use crate::limits;

/// What an upload consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// `ftyp` to `moov`, as sent; for [`super::Header::parse`].
    Header(Bytes),
    /// `moof` and `mdat` and the boxes in front that matter, as sent; for [`super::Chunk::parse`].
    Chunk(Bytes),
}

/// Finds headers and chunks in an upload, in memory bounded by [`crate::limits`].
///
/// What is too large or is not MP4 is refused when its first bytes are seen. Media is copied once,
/// into one buffer a chunk, and not at all where a pushed buffer holds a whole chunk.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Pushed, not looked at yet.
    input: VecDeque<Bytes>,
    /// What there is of the header or chunk that is coming in; nothing beyond it.
    gathered: Vec<u8>,
    unit: Unit,
    /// Bytes still to come of a box nobody needs.
    skip_bytes: u64,
    failed: Option<Malformed>,
}

impl Scanner {
    /// A scanner at the start of an upload.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the upload. Call [`Scanner::next`] until it gives `None` before
    /// pushing more, or what is pushed piles up.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() && self.failed.is_none() {
            self.input.push_back(bytes);
        }
    }

    /// The next header or chunk; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// The upload is not fragmented MP4, or more than is accepted. It stays so: every later call
    /// gives the same error.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator that gives None is over; this one goes on after the next push"
    )]
    pub fn next(&mut self) -> Result<Option<Item>, Malformed> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let next = self.step();
        if let Err(error) = next {
            self.failed = Some(error);
            self.input.clear();
            self.gathered = Vec::new();
        }
        next
    }

    /// Whether the upload may end here, [`Scanner::next`] having given `None`.
    ///
    /// # Errors
    ///
    /// It ends in the middle of a box, or with a `moof` without `mdat` or an `ftyp` without `moov`.
    pub fn finish(&self) -> Result<(), Malformed> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        if self.skip_bytes > 0 {
            return Err(self.unit.malformed(FourCc(*b"mfra"), "is cut off by the end of the upload"));
        }
        let left = self.gathered.len() as u64;
        self.unit.finish(left > self.unit.box_start || !self.input.is_empty())
    }

    /// Whether the last `styp` had the brand `lmsg`: the segment is its track's last (ISO/IEC
    /// 23009-1 §7.3.1).
    pub fn last_seen_lmsg(&self) -> bool {
        self.unit.last_seen_lmsg
    }

    fn step(&mut self) -> Result<Option<Item>, Malformed> {
        loop {
            self.drop_skipped();
            let Some(front) = self.input.front_mut() else {
                return Ok(None);
            };
            if self.gathered.is_empty() {
                match self.unit.look(front)? {
                    Seen::NeedsMore(bytes) => {
                        self.gathered.reserve_exact(front.len().saturating_add(at_once(bytes, 0)));
                        self.gathered.extend_from_slice(front);
                        self.input.pop_front();
                    }
                    Seen::Dropped(bytes) => front.advance(bytes.min(front.len())),
                    Seen::Skipped(bytes) => self.skip_bytes = bytes,
                    Seen::Header(bytes) => {
                        return Ok(Some(Item::Header(front.split_to(bytes.min(front.len())))));
                    }
                    Seen::Chunk(bytes) => {
                        return Ok(Some(Item::Chunk(front.split_to(bytes.min(front.len())))));
                    }
                }
                continue;
            }
            let item = match self.unit.look(&self.gathered)? {
                Seen::NeedsMore(bytes) => {
                    let reserve = at_once(bytes, self.gathered.len());
                    if reserve > 0 {
                        self.gathered.reserve_exact(reserve);
                    }
                    let taken = usize::try_from(bytes).unwrap_or(usize::MAX).min(front.len());
                    self.gathered.extend_from_slice(&front.split_to(taken));
                    // The unit may be whole now, though nothing more was pushed.
                    match self.unit.look(&self.gathered)? {
                        Seen::NeedsMore(_) => continue,
                        seen => self.take_gathered(seen),
                    }
                }
                seen => self.take_gathered(seen),
            };
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    /// What was gathered ends exactly where what was seen does.
    fn take_gathered(&mut self, seen: Seen) -> Option<Item> {
        let gathered = std::mem::take(&mut self.gathered);
        match seen {
            Seen::Header(_) => Some(Item::Header(gathered.into())),
            Seen::Chunk(_) => Some(Item::Chunk(gathered.into())),
            Seen::Skipped(bytes) => {
                self.skip_bytes = bytes.saturating_sub(gathered.len() as u64);
                None
            }
            Seen::Dropped(_) | Seen::NeedsMore(_) => None,
        }
    }

    fn drop_skipped(&mut self) {
        while let Some(front) = self.input.front_mut() {
            let skipped = usize::try_from(self.skip_bytes).unwrap_or(usize::MAX).min(front.len());
            front.advance(skipped);
            self.skip_bytes = self.skip_bytes.saturating_sub(skipped as u64);
            if !front.is_empty() {
                return;
            }
            self.input.pop_front();
        }
    }
}

/// How much to make room for when `bytes` more are wanted and `held` are there: all of it, unless a
/// sender could so claim far more memory than it sends bytes.
fn at_once(bytes: u64, held: usize) -> usize {
    const CLAIM: usize = 1 << 20;
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= held.max(CLAIM)).unwrap_or(0)
}

/// What a look at the bytes of a unit found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The unit, or the box it is in, needs this many more bytes at least.
    NeedsMore(u64),
    /// The first so many bytes are a box that nobody needs.
    Dropped(usize),
    /// A box that nobody needs begins here, so many bytes long, not all there.
    Skipped(u64),
    /// The first so many bytes are a header.
    Header(usize),
    /// The first so many bytes are a chunk.
    Chunk(usize),
}

/// What of a header or chunk has come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// Nothing.
    #[default]
    Start,
    /// `prft` or `emsg`.
    Side,
    /// `ftyp`.
    Ftyp,
    /// `moof`.
    Moof,
}

/// A header or a chunk that is coming in, box by box. Positions count from its first byte.
#[derive(Debug, Default)]
struct Unit {
    phase: Phase,
    /// The box that is coming in, once its header is known; it ends at `box_end`.
    open: Option<FourCc>,
    box_start: u64,
    box_end: u64,
    /// Bytes of boxes other than `moof` and `mdat`.
    side_bytes: u64,
    /// Where the unit begins in the upload.
    offset: u64,
    last_seen_lmsg: bool,
}

impl Unit {
    /// Goes on from where the last look ended; `bytes` begin where the unit does.
    fn look(&mut self, bytes: &[u8]) -> Result<Seen, Malformed> {
        loop {
            if self.open.is_none() {
                let at = usize::try_from(self.box_start).unwrap_or(usize::MAX);
                let rest = bytes.get(at..).unwrap_or(&[]);
                if self.phase == Phase::Start {
                    self.refuse_what_is_not_mp4(rest)?;
                }
                let here = self.offset.saturating_add(self.box_start);
                let Some(header) = peek(rest).map_err(|error| error.moved(here))? else {
                    let wanted = if rest.len() < 8 { 8u64 } else { 16 };
                    return Ok(Seen::NeedsMore(wanted.saturating_sub(rest.len() as u64)));
                };
                if header.kind.0 == *b"mfra" && self.phase == Phase::Start {
                    self.restart(header.total_bytes);
                    return Ok(Seen::Skipped(header.total_bytes));
                }
                self.admit(&header)?;
                self.open = Some(header.kind);
                self.box_end = self.box_start.saturating_add(header.total_bytes);
            }
            let held = bytes.len() as u64;
            if held < self.box_end {
                return Ok(Seen::NeedsMore(self.box_end.saturating_sub(held)));
            }
            if let Some(seen) = self.close(bytes) {
                return Ok(seen);
            }
        }
    }

    /// The open box is whole. Says whether the unit is too, or can be forgotten.
    fn close(&mut self, bytes: &[u8]) -> Option<Seen> {
        let kind = self.open.take()?;
        let end = usize::try_from(self.box_end).unwrap_or(usize::MAX);
        if kind.0 == *b"styp" {
            let start = usize::try_from(self.box_start).unwrap_or(usize::MAX);
            self.last_seen_lmsg = boxes(bytes.get(start..end).unwrap_or(&[]))
                .flatten()
                .filter_map(|styp| ftyp::brands(&styp).ok())
                .any(|mut brands| brands.any(|brand| brand.0 == *b"lmsg"));
        }
        let seen = match (&kind.0, self.phase) {
            (b"ftyp", _) => {
                self.phase = Phase::Ftyp;
                None
            }
            (b"moov", _) => Some(Seen::Header(end)),
            (b"moof", _) => {
                self.phase = Phase::Moof;
                None
            }
            (b"mdat", _) => Some(Seen::Chunk(end)),
            (b"prft" | b"emsg", Phase::Start) => {
                self.phase = Phase::Side;
                None
            }
            (_, Phase::Start) => Some(Seen::Dropped(end)),
            _ => None,
        };
        match seen {
            Some(_) => self.restart(self.box_end),
            None => self.box_start = self.box_end,
        }
        seen
    }

    /// The next unit begins `bytes` behind where this one did.
    fn restart(&mut self, bytes: u64) {
        *self = Unit {
            offset: self.offset.saturating_add(bytes),
            last_seen_lmsg: self.last_seen_lmsg,
            ..Unit::default()
        };
    }

    /// Whether a box may come here, and be as long as it says.
    fn admit(&mut self, header: &BoxHeader) -> Result<(), Malformed> {
        let refuse = |what| Err(self.malformed(header.kind, what));
        if !header.kind.is_printable() {
            return refuse("has a type that is no text, so these bytes are not MP4");
        }
        let bytes = header.total_bytes;
        match (&header.kind.0, self.phase) {
            (b"ftyp", Phase::Start) | (_, Phase::Ftyp) => match &header.kind.0 {
                b"moof" => return refuse("comes before the moov that describes its track"),
                b"mdat" => return refuse(NOT_FRAGMENTED),
                _ if self.box_start.saturating_add(bytes) > limits::HEADER_BYTES => {
                    return refuse("makes the header larger than is accepted");
                }
                _ => {}
            },
            (b"ftyp", _) => return refuse("interrupts a chunk"),
            (b"moov", _) => return refuse("comes without an ftyp before it"),
            (b"moof", Phase::Moof) => return refuse("follows a moof that has no mdat"),
            (b"moof", _) if bytes > limits::MOOF_BYTES => {
                return refuse("is larger than is accepted; send shorter fragments");
            }
            (b"moof", _) => {}
            (b"mdat", Phase::Moof) if header.body_bytes() > limits::MDAT_BYTES => {
                return refuse("is larger than is accepted; send shorter fragments");
            }
            (b"mdat", Phase::Moof) => {}
            (b"mdat", _) => return refuse(NOT_FRAGMENTED),
            _ if bytes > limits::SIDE_BOX_BYTES => {
                return refuse("is larger than is accepted of a box beside the media");
            }
            _ => {
                self.side_bytes = self.side_bytes.saturating_add(bytes);
                if self.side_bytes > limits::SIDE_BYTES_PER_CHUNK {
                    let what = "is one of more side boxes than a chunk may have";
                    return Err(self.malformed(header.kind, what));
                }
            }
        }
        Ok(())
    }

    /// Names what people push by mistake, which read as a box is only a very large one.
    fn refuse_what_is_not_mp4(&self, bytes: &[u8]) -> Result<(), Malformed> {
        let Some(first) = bytes.first_chunk::<8>() else {
            return Ok(());
        };
        let [a, b, c, d, kind @ ..] = *first;
        let what = match first {
            [b'F', b'L', b'V', 1, ..] => "is FLV, not a box; push fragmented MP4",
            [0x1a, 0x45, 0xdf, 0xa3, ..] => {
                "is Matroska or WebM, not a box; push fragmented MP4 (with ffmpeg -f dash add -dash_segment_type mp4)"
            }
            [0x47, ..] if !is_text(&[a, b, c, d]) => {
                "is an MPEG transport stream, not a box; push fragmented MP4"
            }
            _ if is_text(first) => {
                "is text (a playlist, a manifest, a web page?), not a box; push fragmented MP4"
            }
            _ => return Ok(()),
        };
        Err(self.malformed(FourCc(kind), what))
    }

    fn finish(&self, has_more: bool) -> Result<(), Malformed> {
        match (self.open, self.phase) {
            (Some(kind), _) => Err(self.malformed(kind, "is cut off by the end of the upload")),
            (None, _) if has_more => {
                Err(self
                    .malformed(FourCc(*b"????"), "is cut off by the end of the upload, within its header"))
            }
            (None, Phase::Ftyp) => Err(self.malformed(FourCc(*b"ftyp"), "has no moov behind it")),
            (None, Phase::Moof) => Err(self.malformed(FourCc(*b"moof"), "has no mdat behind it")),
            (None, Phase::Start | Phase::Side) => Ok(()),
        }
    }

    fn malformed(&self, kind: FourCc, what: &'static str) -> Malformed {
        Malformed { kind, offset: self.offset.saturating_add(self.box_start), what }
    }
}

const NOT_FRAGMENTED: &str = "comes without a moof before it: the file is not fragmented (with \
    ffmpeg -movflags +cmaf+empty_moov+frag_keyframe)";

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests;
