//! Manifest requests.

use std::sync::Arc;

use super::broadcast::{Broadcast, Overview};
use super::playlist::delayed;
use super::response::{Rendered, Response};
use super::view::{View, Wish, nothing_there};
use super::{Asked, Step};
use crate::dash::{CONTENT_TYPE, Form, Manifest, PATCH_CONTENT_TYPE, PatchRequest, Stretch};
use crate::log::{BroadcastRecord, Rendition, Shape, TimeRange, listed_and_behind, listed_in};
use crate::time::WallMs;

impl Broadcast {
    pub(super) fn manifest(
        &mut self,
        form: Form,
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
        let (unread, stretch) = match view {
            View::Live => (self.unread_listed(record, asked, now), Stretch::Window),
            View::Range(range) => (self.unread_ranges(record, &range, asked, now), Stretch::Range(range)),
            View::Delayed { seconds } => {
                let shown = delayed(seconds, &shape, now);
                (self.unread_ranges(record, &shown, asked, now), Stretch::Delayed { seconds, shown })
            }
        };
        if let Some(step) = unread {
            return step;
        }
        let root = self.root(wish);
        let render = |this: &Self| {
            let tracks = match view {
                View::Range(range) => (listed_in(&this.log, &record.settings, &range), Vec::new()),
                View::Live | View::Delayed { .. } => listed_and_behind(&this.log, &record.settings),
            };
            let manifest = Manifest { stretch, root: &root, ..this.as_manifest(form, &shape, &tracks) };
            (!tracks.0.is_empty() && manifest.shows_something()).then(|| manifest.render())
        };
        let rendered = match view {
            // It changes without the log.
            View::Delayed { .. } => {
                render(self).map(|text| Arc::new(Rendered { plain: text.into(), ..Rendered::default() }))
            }
            View::Live | View::Range(_) => {
                self.overview(Overview::Manifest(form, view, root.clone()), record, render)
            }
        };
        Step::Respond(match (rendered, view) {
            (Some(rendered), _) => Response::manifest(rendered, &shape, CONTENT_TYPE),
            // Their headers are gone: the broadcast is being deleted.
            (None, View::Live) => Response::held_too_long(),
            (None, _) => nothing_there(view),
        })
    }

    /// What must be read to know what all tracks have in a range.
    fn unread_ranges(
        &mut self,
        record: &BroadcastRecord,
        range: &TimeRange,
        asked: Asked,
        now: WallMs,
    ) -> Option<Step> {
        let tracks: Vec<_> = listed_in(&self.log, &record.settings, range)
            .into_iter()
            .map(|rendition| rendition.track.clone())
            .collect();
        let mut wanted = Vec::new();
        for track in tracks {
            match self.unread_range(&track, range, asked, now) {
                Some(Step::Fetch(fetches)) => wanted.extend(fetches),
                Some(step) => return Some(step),
                None => {}
            }
        }
        (!wanted.is_empty()).then_some(Step::Fetch(wanted))
    }

    /// A patch is held until there is something to add, as a blocking playlist is: a player that asked for it
    /// again at once would learn no more.
    pub(super) fn patch(
        &mut self,
        form: Form,
        query: &str,
        record: &Arc<BroadcastRecord>,
        asked: Asked,
        now: WallMs,
    ) -> Step {
        let request = match PatchRequest::parse(query) {
            Ok(request) => request,
            Err(why) => return Step::Respond(Response::bad_request(why)),
        };
        let shape = match self.ready(record, asked, now) {
            Ok(shape) => shape,
            Err(step) => return *step,
        };
        let what = Overview::Patch(form, request.clone());
        if let Some(rendered) = self.known_overview(&what, record) {
            return Step::Respond(Response::manifest(rendered, &shape, PATCH_CONTENT_TYPE));
        }
        if let Some(step) = self.unread_listed(record, asked, now) {
            return step;
        }
        let tracks = listed_and_behind(&self.log, &record.settings);
        let manifest = self.as_manifest(form, &shape, &tracks);
        let next = tracks.0.iter().find(|rendition| !rendition.chain.ended);
        if let Some(Rendition { track, chain, .. }) = next.filter(|_| !manifest.is_newer(&request)) {
            return self.hold_for_next(track, chain, asked, now);
        }
        let patch = manifest.patch(&request).unwrap_or_else(|_| manifest.patch_for_none());
        let rendered = self.keep_overview(what, record, patch);
        Step::Respond(Response::manifest(rendered, &shape, PATCH_CONTENT_TYPE))
    }

    /// What must be read to know all that is listed, and was before the window last moved on.
    fn unread_listed(&self, record: &BroadcastRecord, asked: Asked, now: WallMs) -> Option<Step> {
        let listed = listed_and_behind(&self.log, &record.settings).0;
        let mut wanted = Vec::new();
        for Rendition { track, chain, .. } in listed {
            let from = chain.window.left_from().unwrap_or(chain.listed_from());
            match self.unread_history(track, from, asked, now) {
                Some(Step::Fetch(fetches)) => wanted.extend(fetches),
                Some(step) => return Some(step),
                None => {}
            }
        }
        (!wanted.is_empty()).then_some(Step::Fetch(wanted))
    }

    fn as_manifest<'a>(
        &'a self,
        form: Form,
        shape: &'a Shape,
        (renditions, behind): &'a (Vec<Rendition<'a>>, Vec<Rendition<'a>>),
    ) -> Manifest<'a> {
        let periods = self.log.periods();
        let (generation, stretch) = (&self.generation, Stretch::Window);
        let root = generation.as_str();
        Manifest { generation, root, shape, periods, renditions, behind, form, stretch }
    }
}
