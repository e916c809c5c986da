//! Watches a broadcast as it goes on: after each step every playlist is rendered and held against
//! the rules, against the one before it, and against what is stored.

use std::collections::BTreeMap;

use bytes::Bytes;
use packager_core::cmaf::{Chunk, Header, Item, Scanner};
use packager_core::hls::{Extent, MediaPlaylist, Multivariant, Report, Skip};
use packager_core::log::{
    BroadcastLog, BroadcastName, Chain, Freshness, Generation, Segment, TrackName, listed,
};
use packager_core::time::scale;

pub mod manifests;

use self::manifests::Manifests;
use crate::rules::{self, Context, Rate, playlist::Media};
use crate::world::{BEGINS, World};

/// How many looks back the playlist is that a delta update is merged with.
const LOOKS_BACK: usize = 5;

/// What was seen so far.
pub struct Watch {
    log: BroadcastLog,
    previous: BTreeMap<TrackName, Vec<String>>,
    /// Presentation time less date, by period: the same in all tracks.
    dates: BTreeMap<u32, (f64, String)>,
    /// First presentation time of parts already taken apart.
    presented: BTreeMap<String, i128>,
    rates: BTreeMap<TrackName, Measured>,
    /// Of DASH, where that is watched too.
    pub manifests: Option<Manifests>,
    /// Everything that was wrong, with the time.
    pub violations: Vec<String>,
    seen_writes: u64,
}

#[derive(Default)]
struct Measured {
    last_msn: u64,
    peak_bps: u64,
    bits: u64,
    duration_us: u64,
}

impl Default for Watch {
    fn default() -> Self {
        let (name, generation) = (BroadcastName::parse("show").unwrap(), Generation::parse("g").unwrap());
        Self {
            log: BroadcastLog::new(&name, &generation, 16),
            previous: BTreeMap::new(),
            dates: BTreeMap::new(),
            presented: BTreeMap::new(),
            rates: BTreeMap::new(),
            manifests: None,
            violations: Vec::new(),
            seen_writes: u64::MAX,
        }
    }
}

/// Reads on until everything stored is known.
///
/// # Panics
///
/// It does not come to an end.
pub fn follow(log: &mut BroadcastLog, world: &World) {
    let now = BEGINS.plus_ms(world.now_ms());
    for _ in 0..100_000 {
        let mut reads = log.wants(Freshness { chains_since: now, tracks_since: now });
        if reads.is_empty() {
            reads = log.wanted_headers();
        }
        if reads.is_empty() {
            return;
        }
        for read in reads {
            let kind = read.kind();
            let found = world.store.find(&read.target().key(&log.keys), kind);
            log.absorb(&read, &found, now);
        }
    }
    panic!("a reader asks without end");
}

/// A track's playlist, as any edge would give it.
pub fn playlist(log: &BroadcastLog, track: &TrackName, skip: Option<Skip>) -> Option<String> {
    let chain = log.track(track)?.chain()?;
    if chain.closed.is_empty() && chain.open.is_none() {
        return None;
    }
    let others = log.tracks().filter(|(other, _)| *other != track);
    let reports: Vec<_> = others.filter_map(|(other, log)| Report::of(other, log.chain()?)).collect();
    let (periods, extent) = (log.periods(), Extent::live(chain));
    Some(MediaPlaylist { chain, periods, reports: &reports, extent, file: "index.m3u8" }.render(skip))
}

impl Watch {
    /// Looks at everything, if anything was written since the last look.
    pub fn look(&mut self, world: &World) {
        if self.seen_writes == world.store.writes() {
            return;
        }
        self.seen_writes = world.store.writes();
        follow(&mut self.log, world);
        if self.log.shape().is_none() {
            return;
        }
        let names: Vec<TrackName> = self.log.tracks().map(|(name, _)| name.clone()).collect();
        let texts: Vec<(String, String)> = names
            .iter()
            .filter_map(|name| Some((name.to_string(), playlist(&self.log, name, None)?)))
            .collect();
        for name in &names {
            if let Some(damage) = self.log.track(name).and_then(|log| log.damage()) {
                let what = format!("the log is damaged: {damage}");
                self.add(world, name.as_str(), &what);
            }
            self.measure(name);
            self.media(world, name, &texts);
            self.dates(world, name);
        }
        self.multivariant(world);
        let now = BEGINS.plus_ms(world.now_ms());
        let of_dash = self.manifests.as_mut().map(|of_dash| of_dash.look(&self.log, &world.settings(), now));
        for what in of_dash.into_iter().flatten() {
            self.add(world, "manifest", &what);
        }
    }

    /// The last playlist of each track.
    pub fn last_playlists(&self) -> String {
        let last =
            |(track, texts): (&TrackName, &Vec<String>)| Some(format!("{track}:\n{}\n", texts.last()?));
        self.previous.iter().filter_map(last).collect()
    }

    fn add(&mut self, world: &World, track: &str, what: &str) {
        self.violations.push(format!("{} ms, {track}: {what}", world.now_ms()));
    }

    fn media(&mut self, world: &World, name: &TrackName, texts: &[(String, String)]) {
        let Some((_, text)) = texts.iter().find(|(track, _)| *track == name.as_str()) else { return };
        let others: Vec<_> = texts.iter().filter(|(track, _)| *track != name.as_str()).cloned().collect();
        let chain = self.log.track(name).and_then(|log| log.chain()).expect("it has a playlist");
        let previous = self.previous.entry(name.clone()).or_default();
        if previous.last() == Some(text) {
            return;
        }
        let fetchable = |uri: &str| is_stored(world, name, chain, uri);
        let context = Context {
            previous: previous.last().map(String::as_str),
            first_msn: Some(chain.begin.first_msn),
            renditions: &others,
            fetchable: Some(&fetchable),
            ..Context::default()
        };
        let mut found: Vec<String> = rules::check(text, &context).iter().map(ToString::to_string).collect();
        if text.contains("#EXT-X-PART-INF") != chain.has_parts() {
            found.push("H4: only text has a playlist without EXT-X-PART-INF".to_owned());
        }
        let delta = playlist(&self.log, name, Some(Skip::Yes)).expect("it has a playlist");
        if playlist(&self.log, name, Some(Skip::V2)).as_ref() != Some(&delta) {
            found.push("H13: there are no date ranges, but v2 is not the same as YES".to_owned());
        }
        if delta != *text {
            let wrong = rules::check(&delta, &Context::default());
            found.extend(wrong.iter().map(|violation| format!("delta: {violation}")));
            for before in previous.first().into_iter().chain(previous.last()) {
                if is_near_enough(before, &delta)
                    && let Err(what) = rules::delta::check(before, &delta, text)
                {
                    found.push(format!("H13: {what}"));
                }
            }
        }
        previous.push(text.clone());
        if previous.len() > LOOKS_BACK {
            previous.remove(0);
        }
        for what in found {
            self.add(world, name.as_str(), &what);
        }
    }

    /// H15: date less presentation time is the same for all tracks and segments of a period, by
    /// what the stored parts and headers themselves say.
    fn dates(&mut self, world: &World, name: &TrackName) {
        let Some(chain) = self.log.track(name).and_then(|log| log.chain()) else { return };
        let Some(text) = self.previous.get(name).and_then(|texts| texts.last()) else { return };
        let Ok(media) = Media::parse(text) else { return };
        let mut found = Vec::new();
        // The gap before the first one may have left already.
        let mut may_be_later_ms = 250.0;
        for listed in &media.segments {
            // A gap may be shorter than frames are reordered, and what follows is not dated before its end.
            let may_be_later_ms =
                std::mem::replace(&mut may_be_later_ms, if listed.gap { 250.0 } else { 0.0 });
            if listed.gap {
                continue;
            }
            let Some(segment) = chain.segment(listed.msn) else { continue };
            let Some(part) = segment.parts.first() else { continue };
            let key = self.log.keys.part(name, &segment.run.session, part.start_ticks);
            let init = self.log.keys.init(name, &segment.run.session);
            let ticks = *self.presented.entry(key.clone()).or_insert_with(|| presented(world, &key, &init));
            let per_second = f64::from(segment.run.timescale.ticks_per_second());
            let Some(date_ms) = listed.date_ms else { continue };
            let media_ms = ticks as f64 * 1000.0 / per_second;
            let shift = date_ms as f64 - media_ms;
            let (expected, of) = self
                .dates
                .entry(segment.run.period)
                .or_insert_with(|| (shift, format!("{name} {}", listed.msn)));
            let off_ms = shift - *expected;
            if off_ms < -1.01 || off_ms > 1.01 + may_be_later_ms {
                found.push(format!(
                    "H15: the date of segment {} is {off_ms} ms off, compared with {of}",
                    listed.msn
                ));
            }
        }
        for what in found {
            self.add(world, name.as_str(), &what);
        }
    }

    /// Bit rates of what is stored.
    fn measure(&mut self, name: &TrackName) {
        let Some(chain) = self.log.track(name).and_then(|log| log.chain()) else { return };
        let half_target_us = u64::from(chain.shape.target_duration_s) * 500_000;
        let measured = self.rates.entry(name.clone()).or_default();
        let seen = measured.last_msn;
        for segment in chain.closed.iter().filter(|segment| segment.msn > seen) {
            measured.last_msn = segment.msn;
            if segment.is_gap() {
                continue;
            }
            let (bits, us) = (segment.bytes() * 8, segment.duration_us());
            measured.bits += bits;
            measured.duration_us += us;
            if us >= half_target_us {
                measured.peak_bps = measured.peak_bps.max(scale(bits, 1_000_000, us));
            }
        }
    }

    fn multivariant(&mut self, world: &World) {
        let settings = world.settings();
        let renditions = listed(&self.log, &settings);
        if renditions.is_empty() {
            return;
        }
        let text = Multivariant {
            root: "g",
            settings: &settings,
            renditions: &renditions,
            file: "index.m3u8",
            frames_file: Some("frames.m3u8"),
            is_live: true,
        }
        .render();
        let uri = |track: &TrackName| format!("g/{track}/index.m3u8");
        let codecs = renditions.iter().map(|of| (uri(of.track), of.header.codec.clone())).collect();
        let rates = self.rates.iter().map(|(name, measured)| {
            let average_bps = scale(measured.bits, 1_000_000, measured.duration_us);
            let rate = Rate { peak_bps: measured.peak_bps.max(average_bps), average_bps };
            (uri(name), rate)
        });
        let rates = rates.collect();
        let found = rules::check(
            &text,
            &Context { rates: Some(&rates), codecs: Some(&codecs), ..Context::default() },
        );
        for violation in found {
            self.add(world, "multivariant", &format!("{violation}\n{text}"));
        }
    }
}

/// Whether a player that has `before` has all that `delta` skips; who has not asks for everything.
fn is_near_enough(before: &str, delta: &str) -> bool {
    let (Ok(delta), Ok(before)) = (Media::parse(delta), Media::parse(before)) else { return true };
    let closed = before.segments.iter().filter(|segment| segment.is_closed());
    closed.map(|segment| segment.msn).max() >= (delta.media_sequence + delta.skipped).checked_sub(1)
}

/// Whether a URI of a track's playlist can be fetched at once.
fn is_stored(world: &World, track: &TrackName, chain: &Chain, uri: &str) -> bool {
    let under = |path: &str| {
        world.store.get(&format!("show/g/{track}/{path}")).is_some_and(|object| !object.body.is_empty())
    };
    let Some((session, msn)) = segment_of(uri) else { return under(uri) };
    let whole = |segment: &Segment| {
        segment
            .parts
            .iter()
            .all(|part| under(&format!("{}/{:020}.m4s", segment.run.session, part.start_ticks)))
    };
    chain.segment(msn).is_some_and(|segment| segment.run.session.as_str() == session && whole(segment))
}

/// Session and number of a segment's URI.
fn segment_of(uri: &str) -> Option<(&str, u64)> {
    let (session, msn) = uri.strip_suffix(".m4s").filter(|_| !uri.contains('/'))?.rsplit_once('-')?;
    Some((session, msn.parse().ok()?))
}

/// When the first picture of a stored part is shown, in ticks of its track.
fn presented(world: &World, key: &str, init: &str) -> i128 {
    let stored = |key: &str| world.store.get(key).map(|object| object.body.clone()).expect("it is listed");
    let header = Header::parse(&stored(init)).expect("a stored header can be read");
    let mut shown = Vec::new();
    for chunk in chunks(&stored(key), &header) {
        let mut decoded = i128::from(chunk.start_ticks());
        for sample in chunk.samples() {
            shown.push(decoded + i128::from(sample.composition_ticks));
            decoded += i128::from(sample.duration_ticks);
        }
    }
    shown.iter().min().expect("a part has samples") - i128::from(header.presentation_shift_ticks)
}

/// The chunks of a stored part.
///
/// # Panics
///
/// They cannot be read.
pub fn chunks(body: &Bytes, header: &Header) -> Vec<Chunk> {
    let mut scanner = Scanner::new();
    scanner.push(body.clone());
    let mut chunks = Vec::new();
    while let Some(item) = scanner.next().expect("a stored part can be read") {
        if let Item::Chunk(bytes) = item {
            chunks.push(Chunk::parse(&bytes, header).expect("a stored chunk can be read"));
        }
    }
    scanner.finish().expect("a stored part is whole");
    chunks
}
