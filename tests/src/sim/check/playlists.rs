//! Media playlists: each alone, and each against all that was ever listed.

use std::collections::btree_map::Entry;

use super::{Ledger, Rule};
use crate::sim::edge::Reply;
use crate::sim::playlist::{MediaPlaylist, Segment};
use crate::sim::world::World;

/// The session in a part's URI.
pub(super) fn session_of(uri: &str) -> &str {
    uri.split('/').next().unwrap_or("")
}

impl World {
    /// Everything that must hold of a playlist that an edge has just given.
    pub(crate) fn check_playlist(
        &mut self,
        edge: usize,
        url: &str,
        query: &str,
        text: &str,
        list: &MediaPlaylist,
    ) {
        self.ledger.check_constants(url, list);
        self.ledger.check_lengths(url, text, list, self.scenario.is_calm);
        self.ledger.check_dates(url, list);
        self.check_media_sequence(edge, url, list);
        self.ledger.check_window(url, list);
        self.ledger.check_blocking(url, query, list);
        self.ledger.remember(url, list);
        self.check_fetchable(edge, url, list);
        if self.rng.chance(150) {
            self.check_delta(edge, url, list);
        }
    }

    /// MEDIA-SEQUENCE is 1 or later and never falls (H16).
    fn check_media_sequence(&mut self, edge: usize, url: &str, list: &MediaPlaylist) {
        let before = self.edges[edge].media_sequences.insert(url.to_owned(), list.media_sequence);
        if list.media_sequence < before.unwrap_or(1) {
            let what = format!("{url} at edge {edge}: MEDIA-SEQUENCE fell to {}", list.media_sequence);
            self.ledger.report(Rule::H16, what);
        }
    }

    /// What is listed can be fetched at once from the same edge (invariant 7).
    fn check_fetchable(&mut self, edge: usize, url: &str, list: &MediaPlaylist) {
        let folder = url.trim_end_matches("index.m3u8");
        let mut uris = Vec::new();
        for segment in list.segments.iter().filter(|segment| !segment.gap) {
            uris.extend(segment.map.clone());
            uris.extend(segment.parts.iter().map(|part| part.uri.clone()));
            if segment.duration_us.is_some() {
                uris.push(segment.uri.clone());
            }
        }
        let again = self.rng.next();
        for (index, uri) in uris.iter().enumerate() {
            let path = format!("{folder}{uri}");
            let is_new = self.edges[edge].probed.insert(path.clone());
            // Now and then what was fetched before as well.
            if !is_new && index as u64 != again % (uris.len() as u64 * 2) {
                continue;
            }
            match self.probe(edge, &path, "") {
                Some(Reply::Media(bytes)) => self.ledger.served(&path, &bytes),
                _ if self.ledger.is_deleted(path.trim_start_matches('/')) => {}
                other => {
                    let what = format!("{path} is listed by edge {edge}, which answers {other:?}");
                    self.ledger.report(Rule::Inv7, what);
                }
            }
            self.ledger.listed(path);
        }
    }

    /// The delta update of a playlist and the one before give the full one (H13).
    fn check_delta(&mut self, edge: usize, url: &str, list: &MediaPlaylist) {
        let full = self.probe(edge, url, "");
        let delta = self.probe(edge, url, "_HLS_skip=YES");
        let (Some(Reply::Text(200, full)), Some(Reply::Text(200, delta))) = (full, delta) else { return };
        let (Ok(full), Ok(delta)) = (MediaPlaylist::parse(&full), MediaPlaylist::parse(&delta)) else {
            return self.ledger.report(Rule::H13, format!("{url}: a delta update cannot be read:\n{delta}"));
        };
        let skipped = usize::try_from(delta.skipped).unwrap_or(usize::MAX);
        let same = |a: &Segment, b: &Segment| {
            // What the discontinuity sequence was is known from the playlist before.
            let discontinuities = b.discontinuities;
            Segment { discontinuities, ..a.clone() } == *b
        };
        let rest = full.segments.get(skipped..).unwrap_or(&[]);
        let agrees = rest.len() == delta.segments.len()
            && rest.iter().zip(&delta.segments).all(|(a, b)| same(a, b))
            && full.media_sequence == delta.media_sequence
            && full.discontinuity_sequence == delta.discontinuity_sequence
            && (delta.skipped == 0) == (delta.version == 6)
            && list.version == 6;
        if !agrees {
            self.ledger.report(Rule::H13, format!("{url}: {full:?}\n differs from its delta {delta:?}"));
        }
    }
}

impl Ledger {
    /// TARGETDURATION, SERVER-CONTROL and PART-TARGET never change (H3, H4, H5).
    fn check_constants(&mut self, url: &str, list: &MediaPlaylist) {
        let generation = url.split('/').nth(2).unwrap_or("").to_owned();
        let own = (list.target_s, list.server_control.clone());
        let fixed = self.constants.entry(generation).or_insert_with(|| own.clone()).clone();
        if fixed.0 != own.0 {
            self.report(Rule::H3, format!("{url}: TARGETDURATION is {}, was {}", own.0, fixed.0));
        }
        if fixed.1 != own.1 {
            self.report(Rule::H5, format!("{url}: SERVER-CONTROL is {}, was {}", own.1, fixed.1));
        }
        let target = *self.part_targets.entry(url.to_owned()).or_insert(list.part_target_us);
        if target != list.part_target_us {
            self.report(Rule::H4, format!("{url}: PART-TARGET is {}, was {target}", list.part_target_us));
        }
    }

    /// No segment rounds above TARGETDURATION, no part is longer than PART-TARGET, and parts add up
    /// to their segment (H3, H4, H6, H9).
    /// A body that ends in the middle of a part, with nothing behind it in time, makes a short one:
    /// it was answered, so it is stored. Where all is calm no body does.
    fn check_lengths(&mut self, url: &str, text: &str, list: &MediaPlaylist, is_calm: bool) {
        for segment in &list.segments {
            let rounded_s = segment.duration_us.map_or(0, |us| (us + 500_000) / 1_000_000);
            if rounded_s > list.target_s {
                self.report(Rule::H3, format!("{url}: segment {} lasts {rounded_s} s", segment.msn));
            }
            if let Some(long) = segment.parts.iter().find(|part| part.duration_us > list.part_target_us) {
                self.report(Rule::H4, format!("{url}: {} is longer than PART-TARGET", long.uri));
            }
            let short = |us: u64| us * 100 < list.part_target_us * 85 - 1_000;
            let (_, before_last) = segment.parts.split_last().map_or((None, &[][..]), |(l, b)| (Some(l), b));
            if let Some(part) =
                before_last.iter().find(|part| is_calm && short(part.duration_us) && !part.independent)
            {
                let what = format!("{url}: {} is shorter than 85 % of PART-TARGET\n{text}", part.uri);
                self.report(Rule::H4, what);
            }
            let sum: u64 = segment.parts.iter().map(|part| part.duration_us).sum();
            let rounding = segment.parts.len() as u64 * 10 + 10;
            let adds_up = segment.duration_us.is_none_or(|all| sum == 0 || all.abs_diff(sum) <= rounding);
            if !adds_up {
                self.report(Rule::H6, format!("{url}: the parts of {} last {sum} us\n{text}", segment.msn));
            }
        }
        // Where an encoder sends whole segments there are no parts, so none to hint at.
        let has_parts = list.part_target_us > 0;
        if !has_parts && list.segments.iter().any(|segment| !segment.parts.is_empty()) {
            self.report(Rule::H4, format!("{url}: there are parts, but no PART-INF\n{text}"));
        }
        if list.hint.is_some() != (has_parts && !list.ended) {
            self.report(Rule::H9, format!("{url}: hint {:?}, ENDLIST {}", list.hint, list.ended));
        }
    }

    /// Every segment has a date, and dates never go back (H15).
    fn check_dates(&mut self, url: &str, list: &MediaPlaylist) {
        let mut last = i64::MIN;
        for segment in &list.segments {
            let Some(date_ms) = segment.date_ms else {
                return self.report(Rule::H15, format!("{url}: segment {} has no date", segment.msn));
            };
            if date_ms < last {
                let back = last - date_ms;
                return self.report(Rule::H15, format!("{url}: dates go back {back} ms at {}", segment.msn));
            }
            last = date_ms;
        }
    }

    /// At least six segments and three target durations are listed, as soon as there are so many (H18).
    fn check_window(&mut self, url: &str, list: &MediaPlaylist) {
        let closed = || list.segments.iter().filter_map(|segment| segment.duration_us);
        let starts_first = self
            .segments
            .get(url)
            .and_then(|all| all.first_key_value())
            .is_none_or(|(first, _)| *first >= list.media_sequence);
        if !starts_first && list.is_event {
            self.report(Rule::H16, format!("{url}: an event has lost segments"));
        }
        let enough = closed().count() >= 6 && closed().sum::<u64>() >= list.target_s * 3_000_000;
        if !starts_first && !enough {
            self.report(Rule::H18, format!("{url}: only {} segments are listed", closed().count()));
        }
    }

    /// A blocking request is answered with what it asked for, or later (H12).
    fn check_blocking(&mut self, url: &str, query: &str, list: &MediaPlaylist) {
        let asked = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name))?.strip_prefix('=')?;
            value.parse::<u64>().ok()
        };
        let Some(msn) = asked("_HLS_msn").filter(|_| !list.ended) else { return };
        let there = match asked("_HLS_part") {
            Some(part) => list.next() > (msn, part),
            None => list.end_msn() > msn,
        };
        if !there {
            self.report(Rule::H12, format!("{url}?{query} was answered with {:?}", list.next()));
        }
    }

    /// Segments are what they were for every reader before (invariant 4).
    fn remember(&mut self, url: &str, list: &MediaPlaylist) {
        let mut wrong = None;
        let known = self.segments.entry(url.to_owned()).or_default();
        for segment in &list.segments {
            match known.entry(segment.msn) {
                Entry::Vacant(slot) => {
                    slot.insert(segment.clone());
                }
                Entry::Occupied(mut slot) => {
                    let before = slot.get_mut();
                    if !agree(before, segment) {
                        wrong = Some(format!("{url}: {segment:?}\n was {before:?}"));
                        break;
                    }
                    let is_more = segment.duration_us.is_some() && before.duration_us.is_none();
                    if is_more || segment.parts.len() > before.parts.len() {
                        let parts = std::mem::take(&mut before.parts);
                        *before = segment.clone();
                        if parts.len() > before.parts.len() {
                            before.parts = parts;
                        }
                    }
                }
            }
        }
        if let Some(wrong) = wrong {
            self.report(Rule::Inv4, wrong);
        }
    }
}

/// Two readers' views of one segment, of which either may be the later.
fn agree(a: &Segment, b: &Segment) -> bool {
    let shared = a.parts.len().min(b.parts.len());
    let closed_and_whole = |closed: &Segment, other: &Segment| {
        // Parts that are no longer listed say nothing.
        closed.duration_us.is_none() || closed.parts.is_empty() || other.parts.len() <= closed.parts.len()
    };
    let both_closed = a.duration_us.is_some() && b.duration_us.is_some();
    a.parts[..shared] == b.parts[..shared]
        && a.discontinuity == b.discontinuity
        && a.discontinuities == b.discontinuities
        && a.map == b.map
        && a.date_ms == b.date_ms
        && closed_and_whole(a, b)
        && closed_and_whole(b, a)
        && (!both_closed || (a.duration_us == b.duration_us && a.uri == b.uri && a.gap == b.gap))
        && (a.gap == b.gap)
}
