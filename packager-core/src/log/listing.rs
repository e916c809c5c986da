//! Which tracks viewers are told of: a function of the log and the operator's settings, so that all
//! readers list the same, in a multivariant playlist and in an MPD.

use super::settings::{BroadcastSettings, LanguageTag, TrackSettings};
use super::{Begin, BroadcastLog, Chain, TimeRange, TrackName};
use crate::cmaf::{Header, TrackKind};
use crate::order::in_order;
use crate::time::WallMs;

/// A track as viewers are shown it.
#[derive(Debug, Clone, Copy)]
pub struct Rendition<'a> {
    /// Its name.
    pub track: &'a TrackName,
    /// Codec, size, language.
    pub header: &'a Header,
    /// Bit rates, frame rate.
    pub chain: &'a Chain,
    /// What the operator says of it.
    pub settings: &'a TrackSettings,
}

impl<'a> Rendition<'a> {
    /// The operator's word, or the header's.
    pub fn language(&self) -> Option<&'a str> {
        let set = self.settings.language.as_ref().map(LanguageTag::as_str);
        set.or(self.header.language.as_deref())
    }

    /// Its place among others of its kind: as the operator says, then by name, so that readers agree.
    pub fn place(&self) -> (u32, &'a TrackName) {
        (self.settings.order.unwrap_or(u32::MAX), self.track)
    }
}

/// The tracks to list: those that are not hidden, have closed a segment with media, and are not
/// [left behind](is_behind). A track whose header was not read is not among them.
pub fn listed<'a>(log: &'a BroadcastLog, settings: &'a BroadcastSettings) -> Vec<Rendition<'a>> {
    listed_and_behind(log, settings).0
}

/// The same, and beside them those that were listed and are left behind.
pub fn listed_and_behind<'a>(
    log: &'a BroadcastLog,
    settings: &'a BroadcastSettings,
) -> (Vec<Rendition<'a>>, Vec<Rendition<'a>>) {
    let shown: Vec<_> = log
        .tracks()
        .filter_map(|(track, of)| {
            let chain = of.chain().filter(|chain| chain.rate.duration_us > 0)?;
            let settings = settings.track(track);
            let rendition = Rendition { track, header: of.header()?, chain, settings };
            (!settings.hidden).then_some(rendition)
        })
        .collect();
    let newest = shown.iter().filter_map(|rendition| ends_at(log, rendition.chain)).max();
    let is_there = |rendition: &Rendition<'_>| !is_behind(log, rendition.chain, newest);
    if shown.iter().any(|rendition| rendition.chain.begin.kind != TrackKind::Text && is_there(rendition)) {
        return shown.into_iter().partition(is_there);
    }
    // All have stopped: whoever comes now sees what was last there.
    (shown, Vec::new())
}

/// The tracks that have media in a range, or may have: what is listed of a part of the past. Nobody is left behind there.
pub fn listed_in<'a>(
    log: &'a BroadcastLog,
    settings: &'a BroadcastSettings,
    range: &TimeRange,
) -> Vec<Rendition<'a>> {
    let (mut listed, behind) = listed_and_behind(log, settings);
    listed.extend(behind);
    let is_there = |chain: &Chain| {
        let begins = usize::try_from(chain.begin.period).ok().and_then(|period| log.periods().get(period));
        let Begin { start_ticks, timescale, .. } = chain.begin;
        let begins = begins.map(|record| record.anchor.wall_at(start_ticks, 0, timescale));
        ends_at(log, chain) > Some(range.start) && range.end.is_none_or(|end| begins < Some(end))
    };
    let there = listed.into_iter().filter(|rendition| is_there(rendition.chain));
    in_order(there, |rendition| rendition.track)
}

/// Whether what a track's playlist shows lies outside what the others show, so that a player that
/// begins now could not play them together: it ended, or nothing came of it, for longer than a
/// playlist lists.
fn is_behind(log: &BroadcastLog, chain: &Chain, newest: Option<WallMs>) -> bool {
    let window_ms = i64::from(chain.shape.window_ms);
    let is_old = match (ends_at(log, chain), newest) {
        (Some(end), Some(newest)) => newest.since_ms(end) > window_ms,
        _ => false,
    };
    // Nobody need say anything for as long as a playlist lists; sound and pictures are never without.
    let is_sparse = chain.begin.kind == TrackKind::Text;
    is_old || (!is_sparse && chain.is_listed_gap())
}

/// When what was last taken in of a track is shown; to within a frame, for it is windows that are
/// compared. `None` where the period is not known yet.
fn ends_at(log: &BroadcastLog, chain: &Chain) -> Option<WallMs> {
    let period = usize::try_from(chain.run.period).ok()?;
    Some(log.periods().get(period)?.anchor.wall_at(chain.next_ticks, 0, chain.run.timescale))
}

#[cfg(test)]
mod tests {
    use super::super::testing::World;
    use super::*;
    use crate::log::{Entry, Marker, record};

    fn shown(world: &World, settings: &BroadcastSettings) -> Vec<String> {
        listed(&world.log, settings).iter().map(|rendition| rendition.track.to_string()).collect()
    }

    #[test]
    fn a_track_is_listed_while_it_can_be_played_with_the_others() {
        let mut world = World::new();
        let all = BroadcastSettings::default();
        for (track, kind) in [
            ("a-ended", TrackKind::Audio),
            ("a-gap", TrackKind::Audio),
            ("t-ended", TrackKind::Text),
            ("t-gap", TrackKind::Text),
            ("video", TrackKind::Video),
        ] {
            world.begin(track, kind);
        }
        let tracks = ["a-ended", "a-gap", "t-ended", "t-gap", "video"];
        assert_eq!(shown(&world, &all), tracks);
        world.append("a-ended", &Entry::Marker(Marker::Ended));
        world.append("t-ended", &Entry::Marker(Marker::Ended));
        world.gap("a-gap", 22_000);
        world.gap("t-gap", 22_000);
        world.media("video", 24_000);
        // What they have is a window of twenty seconds behind, and no more.
        assert_eq!(shown(&world, &all), tracks);
        world.media("video", 26_000);
        assert_eq!(shown(&world, &all), ["a-gap", "t-gap", "video"]);
        world.gap("a-gap", 26_000);
        world.gap("t-gap", 26_000);
        assert_eq!(shown(&world, &all), ["t-gap", "video"], "nobody need speak for that long");
        world.media("a-gap", 30_000);
        assert_eq!(shown(&world, &all), ["a-gap", "t-gap", "video"]);
        let hidden = r#"{"tracks": {"a-gap": {"hidden": true}, "t-gap": {"hidden": true}}}"#;
        assert_eq!(shown(&world, &record::from_json(hidden.as_bytes()).unwrap()), ["video"]);
    }

    #[test]
    fn when_all_have_stopped_all_stay() {
        let mut world = World::new();
        world.begin("audio", TrackKind::Audio);
        world.begin("text", TrackKind::Text);
        world.begin("video", TrackKind::Video);
        for track in ["audio", "video"] {
            world.gap(track, 30_000);
        }
        assert_eq!(shown(&world, &BroadcastSettings::default()), ["audio", "text", "video"]);
    }
}
