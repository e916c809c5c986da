//! Delivery directives: what a playlist request asks to be held for (HLS §6.2.5).

use crate::log::Chain;
use crate::time::scale;

/// `_HLS_msn`, `_HLS_part`, `_HLS_skip`; other parameters mean nothing to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Directives {
    /// `_HLS_msn`: hold until the playlist has this segment or a later one.
    pub msn: Option<u64>,
    /// `_HLS_part`: with it, until it has this part of it.
    pub part: Option<u64>,
    /// `_HLS_skip`: a delta update is welcome.
    pub skip: Option<Skip>,
}

/// Kinds of delta update (HLS §6.2.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// `YES`: older segments may be skipped.
    Yes,
    /// `v2`: and date ranges.
    V2,
}

/// What to do with a playlist request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// Answer with the current playlist.
    Ready,
    /// Hold: it is not there yet.
    Hold,
    /// 400, for this reason.
    BadRequest(&'static str),
}

impl Directives {
    /// Reads a query string. Our parameters must be well formed and stand once.
    pub fn parse(query: &str) -> Result<Self, &'static str> {
        let mut directives = Self::default();
        let once = |slot: &mut Option<u64>, value: &str| {
            if slot.is_some() {
                return Err("a delivery directive may be given once");
            }
            let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let number = value.parse().ok().filter(|_| plain);
            *slot = Some(number.ok_or("_HLS_msn and _HLS_part are non-negative integers")?);
            Ok(())
        };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "_HLS_msn" => once(&mut directives.msn, value)?,
                "_HLS_part" => once(&mut directives.part, value)?,
                "_HLS_skip" => {
                    directives.skip = match value {
                        "YES" => Some(Skip::Yes),
                        "v2" => Some(Skip::V2),
                        // "a server MUST ignore" what it does not know (HLS §6.2.5)
                        _ => None,
                    }
                }
                _ => {}
            }
        }
        if directives.part.is_some() && directives.msn.is_none() {
            return Err("_HLS_part needs _HLS_msn");
        }
        Ok(directives)
    }

    /// Asks for something that may not be there yet.
    pub fn is_blocking(&self) -> bool {
        self.msn.is_some()
    }
}

/// Decides by the table of HLS §6.2.5.2.
pub fn availability(chain: &Chain, directives: &Directives) -> Availability {
    let Some(msn) = directives.msn.filter(|_| !chain.ended) else { return Availability::Ready };
    let first = chain.begin.first_msn.max(1);
    let last_closed = chain.last_closed_msn().unwrap_or(first.saturating_sub(1));
    if msn > last_closed.saturating_add(2) {
        return Availability::BadRequest("_HLS_msn is more than two segments ahead of the playlist");
    }
    let Some(part) = directives.part.filter(|_| chain.has_parts()) else {
        return if msn <= last_closed { Availability::Ready } else { Availability::Hold };
    };
    if msn <= last_closed {
        let parts = chain.segment(msn).map_or(u64::MAX, |segment| match segment.parts.len() {
            // A gap has no parts to wait for, and what was forgotten is older than the window.
            0 => u64::MAX,
            parts => u64::try_from(parts).unwrap_or(u64::MAX),
        });
        if part < parts {
            return Availability::Ready;
        }
        // "A part past the last one of a closed segment is the first part of the next."
        let next = Directives { msn: Some(msn.saturating_add(1)), part: Some(0), skip: None };
        return availability(chain, &next);
    }
    let published = chain
        .open
        .as_ref()
        .filter(|open| open.msn == msn)
        .map_or(0, |open| u64::try_from(open.parts.len()).unwrap_or(u64::MAX));
    if part < published {
        Availability::Ready
    } else if part >= published.saturating_add(parts_ahead(chain)) {
        Availability::BadRequest("_HLS_part is too far ahead of the last part")
    } else {
        Availability::Hold
    }
}

/// How far past the last part a request may be: three parts, or as many as last three seconds when
/// they are shorter than one.
fn parts_ahead(chain: &Chain) -> u64 {
    let part_target_us =
        scale(chain.begin.part_target_ticks, 1_000_000, u64::from(chain.begin.timescale.ticks_per_second()));
    if part_target_us < 1_000_000 { 3_000_000_u64.div_ceil(part_target_us.max(1)) } else { 3 }
}
