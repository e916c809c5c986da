//! Playlist requests.

use std::sync::Arc;

use super::broadcast::{Broadcast, Overview};
use super::response::Response;
use super::view::{PlaylistFile, View, Wish, nothing_there};
use super::{Asked, Step};
use crate::cmaf::TrackKind;
use crate::hls::{
    Availability, Directives, Extent, Growth, MediaPlaylist, Multivariant, Report, availability,
};
use crate::log::reader::Target;
use crate::log::{
    BroadcastLog, BroadcastRecord, BroadcastSettings, Read, Shape, TimeRange, TrackName, listed, listed_in,
};
use crate::time::WallMs;

impl Broadcast {
    pub(super) fn multivariant(
        &mut self,
        record: &Arc<BroadcastRecord>,
        wish: Wish,
        asked: Asked,
        now: WallMs,
    ) -> Step {
        let shape = match self.ready(record, asked, now) {
            Ok(shape) => shape,
            Err(step) => return *step,
        };
        let view = match self.view(record, wish, now) {
            Ok(view) => view,
            Err(why) => return Step::Respond(Response::bad_request(why)),
        };
        let (settings, root) = (&record.settings, self.root(wish));
        let rendered = self.overview(Overview::Multivariant(view, root.clone()), record, |this| {
            let renditions = match view {
                View::Range(range) => listed_in(&this.log, settings, &range),
                View::Live | View::Delayed { .. } => listed(&this.log, settings),
            };
            let file = |of_frames| PlaylistFile { view, of_frames }.to_string();
            let playlist = Multivariant {
                root: &root,
                settings,
                renditions: &renditions,
                file: &file(false),
                frames_file: Some(&file(true)),
                is_live: view == View::Live,
            };
            (!renditions.is_empty()).then(|| playlist.render())
        });
        Step::Respond(match (rendered, view) {
            (Some(rendered), _) => Response::playlist(rendered, &shape, false),
            // Their headers are gone: the broadcast is being deleted.
            (None, View::Live) => Response::held_too_long(),
            (None, _) => nothing_there(view),
        })
    }

    /// What a wish shows: who wants to see live what has ended is shown all of it, if it is to be kept.
    pub(super) fn view(
        &self,
        record: &BroadcastRecord,
        wish: Wish,
        now: WallMs,
    ) -> Result<View, &'static str> {
        let view = wish.resolve(&self.log, now)?;
        let listed = listed(&self.log, &record.settings);
        let has_ended = !listed.is_empty() && listed.iter().all(|rendition| rendition.chain.ended);
        let is_kept = record.event.recording.unwrap_or(true);
        let begins = self.log.periods().first().filter(|_| has_ended && is_kept && view == View::Live);
        Ok(begins.map_or(view, |first| View::Range(TimeRange { start: first.anchor.wall, end: None })))
    }

    /// What is to be done before players can be told what there is; if nothing, what is fixed.
    pub(super) fn ready(
        &self,
        record: &BroadcastRecord,
        asked: Asked,
        now: WallMs,
    ) -> Result<Shape, Box<Step>> {
        if let Some(step) = self.unread_lately(None, asked, now) {
            return Err(Box::new(step));
        }
        if !is_ready(&self.log, &record.settings) {
            let poll = match self.log.shape() {
                None => Read::Get(Target::Period(0)),
                Some(_) => Read::List(Target::Tracks),
            };
            return Err(Box::new(self.hold(None, poll, asked, now)));
        }
        if let Some(step) = self.fetch(self.log.wanted_headers()) {
            return Err(Box::new(step));
        }
        self.log.shape().copied().ok_or_else(|| Box::new(Step::Respond(Response::held_too_long())))
    }

    pub(super) fn media_playlist(
        &mut self,
        track: &TrackName,
        file: PlaylistFile,
        query: &str,
        asked: Asked,
        now: WallMs,
    ) -> Step {
        let directives = match Directives::parse(query) {
            Ok(directives) => directives,
            Err(why) => return Step::Respond(Response::bad_request(why)),
        };
        let unread = if directives.is_blocking() {
            self.unread(Some(track), asked, now)
        } else {
            self.unread_lately(Some(track), asked, now)
        };
        if let Some(step) = unread {
            return step;
        }
        let Some(shape) = self.log.shape().copied() else {
            // Nobody was told of this URL yet, unless TARGETDURATION is about to be fixed.
            return self.hold(Some(track), Read::Get(Target::Period(0)), asked, now);
        };
        let Some(chain) = self.log.track(track).and_then(|log| log.chain()) else {
            return Step::Respond(Response::not_found("no such track"));
        };
        if file.of_frames && chain.begin.kind != TrackKind::Video {
            return Step::Respond(Response::not_found("only of pictures there are frames to list"));
        }
        let is_delta = directives.skip.is_some() && !chain.ended;
        let from = chain.listed_from();
        let unread = match file.view {
            View::Live if is_delta => None,
            View::Live => self.unread_history(track, from, asked, now),
            View::Range(range) => {
                let begins = self.log.periods().first().map_or(now, |first| first.anchor.wall);
                if range.snapped(begins, &shape) != range || range.start > now.plus_ms(LATEST_START_MS) {
                    return Step::Respond(Response::not_found("no multivariant playlist names this range"));
                }
                self.unread_range(track, &range, asked, now)
            }
            View::Delayed { seconds } => self.unread_range(track, &delayed(seconds, &shape, now), asked, now),
        };
        if let Some(step) = unread {
            return step;
        }
        let Some(chain) = self.log.track(track).and_then(|log| log.chain()) else {
            return Step::Respond(Response::not_found("no such track"));
        };
        let periods = self.log.periods();
        let extent = match file.view {
            View::Live => Extent::live(chain),
            View::Range(range) => Extent::within(range.within(chain, periods), chain),
            View::Delayed { seconds } => {
                Extent::delayed(delayed(seconds, &shape, now).shown(chain, periods), chain)
            }
        };
        let extent = Extent { of_frames: file.of_frames, ..extent };
        // What is not kept is not listed; a delta update does not read what it skips.
        let skips = is_delta && file.view == View::Live;
        let from = if skips { extent.from } else { extent.from.max(chain.known_from()) };
        let extent = Extent { from, ..extent };
        let nothing_shown = extent.is_empty(chain);
        if nothing_shown && (extent.is_plain || (extent.is_over && file.view != View::Live)) {
            return Step::Respond(nothing_there(file.view));
        }
        let availability = match availability(chain, &directives) {
            _ if extent.is_over || extent.is_plain => Availability::Ready,
            // Nothing more of a part is said than that its segment is whole.
            Availability::Ready if file.of_frames && directives.msn > chain.last_closed_msn() => {
                Availability::Hold
            }
            availability => availability,
        };
        match availability {
            Availability::BadRequest(why) => Step::Respond(Response::bad_request(why)),
            Availability::Ready if !nothing_shown || extent.is_over => {
                let rendered = self.media_text(track, file, directives.skip, |log, before| {
                    let chain = log.track(track)?.chain()?;
                    let others = log.tracks().filter(|(other, _)| *other != track);
                    let others =
                        others.filter(|_| !file.of_frames && (file.view == View::Live || !extent.is_over));
                    let reports: Vec<_> = others
                        .filter(|_| !extent.is_plain)
                        .filter_map(|(other, log)| Report::of(other, log.chain()?))
                        .collect();
                    let (periods, file) = (log.periods(), file.to_string());
                    let playlist = MediaPlaylist { chain, periods, reports: &reports, extent, file: &file };
                    Some(playlist.render_after(directives.skip, before))
                });
                match rendered {
                    Some(rendered) => {
                        // What is complete stays so.
                        let is_fixed = directives.is_blocking() || extent.growth == Growth::Complete;
                        Step::Respond(Response::playlist(rendered, &shape, is_fixed))
                    }
                    None => Step::Respond(Response::not_found("no such track")),
                }
            }
            Availability::Ready | Availability::Hold => self.hold_for_next(track, chain, asked, now),
        }
    }
}

/// Clocks of edges differ: a range may begin so much later than one of them knows.
const LATEST_START_MS: i64 = 5_000;

/// What was live so many seconds ago.
pub(super) fn delayed(seconds: u64, shape: &Shape, now: WallMs) -> TimeRange {
    let delay_ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let end = now.plus_ms(delay_ms.saturating_neg());
    let window_ms = if shape.is_whole() { i64::MAX } else { i64::from(shape.window_ms) };
    TimeRange { start: end.plus_ms(window_ms.saturating_neg()), end: Some(end) }
}

/// The first multivariant playlist, or manifest, waits until every track that has begun has a closed segment, so
/// that an early viewer is not left without a rendition; one that has none when another has closed
/// two target durations is left out, as are tracks without one later on. Text alone is no variant.
fn is_ready(log: &BroadcastLog, settings: &BroadcastSettings) -> bool {
    let Some(shape) = log.shape() else { return false };
    let patience_us = u64::from(shape.target_duration_s).saturating_mul(2_000_000);
    let shown = log.tracks().filter(|(track, _)| !settings.track(track).hidden);
    let chains: Vec<_> = shown.filter_map(|(_, log)| log.chain()).collect();
    // Of media: what is all gaps cannot be shown.
    let variants = chains.iter().filter(|chain| chain.begin.kind != TrackKind::Text);
    let longest_us = variants.map(|chain| chain.rate.duration_us).max().unwrap_or(0);
    longest_us >= patience_us || (longest_us > 0 && chains.iter().all(|chain| chain.rate.duration_us > 0))
}
