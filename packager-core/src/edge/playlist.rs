//! Playlist requests.

use super::response::Response;
use super::{Asked, Step, broadcast};
use crate::hls::{Availability, Directives, MediaPlaylist, Multivariant, Rendition, Report, availability};
use crate::log::reader::Target;
use crate::log::{BroadcastLog, TrackName};
use crate::time::WallMs;

impl broadcast::Broadcast {
    pub(super) fn multivariant(&mut self, asked: Asked, now: WallMs) -> Step {
        if let Some(step) = self.unread(None, asked, now) {
            return step;
        }
        if !is_ready(&self.log) {
            let key = match self.log.shape() {
                None => Target::Period(0).key(&self.log.keys),
                Some(_) => self.log.keys.root(),
            };
            return self.hold(None, key, asked, now);
        }
        if let Some(step) = self.fetch(self.log.wanted_headers()) {
            return step;
        }
        let Some(shape) = self.log.shape().copied() else {
            return Step::Respond(Response::held_too_long());
        };
        let rendered = self.multivariant_text(|this| {
            let renditions: Vec<_> = shown(&this.log).collect();
            Multivariant { generation: &this.generation, renditions: &renditions }.render()
        });
        Step::Respond(Response::playlist(rendered, &shape, false))
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
        if let Some(step) = self.unread(Some(track), asked, now) {
            return step;
        }
        let Some(shape) = self.log.shape().copied() else {
            // Nobody was told of this URL yet, unless TARGETDURATION is about to be fixed.
            let key = Target::Period(0).key(&self.log.keys);
            return self.hold(Some(track), key, asked, now);
        };
        let Some(chain) = self.log.track(track).and_then(|log| log.chain()) else {
            return Step::Respond(Response::not_found("no such track"));
        };
        let nothing_shown = chain.closed.is_empty() && chain.open.is_none() && !chain.ended;
        match availability(chain, &directives) {
            Availability::BadRequest(why) => Step::Respond(Response::bad_request(why)),
            Availability::Ready if !nothing_shown => {
                let rendered = self.media_text(track, directives.skip, |log| {
                    let chain = log.track(track)?.chain()?;
                    let reports: Vec<_> = log
                        .tracks()
                        .filter(|(other, _)| *other != track)
                        .filter_map(|(other, log)| Report::of(other, log.chain()?))
                        .collect();
                    let playlist = MediaPlaylist { chain, periods: log.periods(), reports: &reports };
                    Some(playlist.render(directives.skip))
                });
                match rendered {
                    Some(rendered) => {
                        Step::Respond(Response::playlist(rendered, &shape, directives.is_blocking()))
                    }
                    None => Step::Respond(Response::not_found("no such track")),
                }
            }
            Availability::Ready | Availability::Hold => {
                let next = Target::Part(track.clone(), chain.run.session.clone(), chain.next_ticks);
                let key = next.key(&self.log.keys);
                self.hold(Some(track), key, asked, now)
            }
        }
    }
}

/// The first multivariant playlist waits until every track that has begun has a closed segment, so
/// that an early viewer is not left without a rendition; one that has none when another has closed
/// two target durations is left out, as are tracks without one later on.
fn is_ready(log: &BroadcastLog) -> bool {
    let Some(shape) = log.shape() else { return false };
    let patience_us = u64::from(shape.target_duration_s).saturating_mul(2_000_000);
    // Of media: what is all gaps cannot be shown.
    let closed = || log.tracks().filter_map(|(_, log)| log.chain()).map(|chain| chain.rate.duration_us);
    let longest_us = closed().max().unwrap_or(0);
    longest_us >= patience_us || (longest_us > 0 && closed().all(|us| us > 0))
}

fn shown(log: &BroadcastLog) -> impl Iterator<Item = Rendition<'_>> {
    log.tracks().filter_map(|(track, log)| {
        let chain = log.chain().filter(|chain| chain.rate.duration_us > 0)?;
        Some(Rendition { track, header: log.header()?, chain })
    })
}
