//! Playlist requests.

use std::sync::Arc;

use super::broadcast::{Broadcast, Overview};
use super::response::Response;
use super::{Asked, Step};
use crate::cmaf::TrackKind;
use crate::hls::{Availability, Directives, Extent, MediaPlaylist, Multivariant, Report, availability};
use crate::log::reader::Target;
use crate::log::{BroadcastLog, BroadcastRecord, BroadcastSettings, Read, Shape, TrackName, listed};
use crate::time::WallMs;

impl Broadcast {
    pub(super) fn multivariant(&mut self, record: &Arc<BroadcastRecord>, asked: Asked, now: WallMs) -> Step {
        let shape = match self.ready(record, asked, now) {
            Ok(shape) => shape,
            Err(step) => return *step,
        };
        let settings = &record.settings;
        let rendered = self.overview(Overview::Multivariant, record, |this| {
            let renditions = listed(&this.log, settings);
            let playlist = Multivariant { generation: &this.generation, settings, renditions: &renditions };
            (!renditions.is_empty()).then(|| playlist.render())
        });
        Step::Respond(match rendered {
            Some(rendered) => Response::playlist(rendered, &shape, false),
            // Their headers are gone: the broadcast is being deleted.
            None => Response::held_too_long(),
        })
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
        let shows_open = chain.open.is_some() && chain.has_parts();
        let nothing_shown = chain.closed.is_empty() && !shows_open && !chain.ended;
        match availability(chain, &directives) {
            Availability::BadRequest(why) => Step::Respond(Response::bad_request(why)),
            Availability::Ready if !nothing_shown => {
                let is_delta = directives.skip.is_some() && !chain.ended;
                let from = chain.listed_from();
                if let Some(step) = self.unread_history(track, from, asked, now).filter(|_| !is_delta) {
                    return step;
                }
                let rendered = self.media_text(track, directives.skip, |log| {
                    let chain = log.track(track)?.chain()?;
                    let reports: Vec<_> = log
                        .tracks()
                        .filter(|(other, _)| *other != track)
                        .filter_map(|(other, log)| Report::of(other, log.chain()?))
                        .collect();
                    let (periods, extent) = (log.periods(), Extent::live(chain));
                    let playlist =
                        MediaPlaylist { chain, periods, reports: &reports, extent, file: "index.m3u8" };
                    Some(playlist.render(directives.skip))
                });
                match rendered {
                    Some(rendered) => {
                        Step::Respond(Response::playlist(rendered, &shape, directives.is_blocking()))
                    }
                    None => Step::Respond(Response::not_found("no such track")),
                }
            }
            Availability::Ready | Availability::Hold => self.hold_for_next(track, chain, asked, now),
        }
    }
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
