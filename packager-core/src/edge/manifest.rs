//! Manifest requests.

use std::sync::Arc;

use super::broadcast::{Broadcast, Overview};
use super::response::Response;
use super::{Asked, Step};
use crate::dash::{CONTENT_TYPE, Form, Manifest, PATCH_CONTENT_TYPE, PatchRequest};
use crate::log::{BroadcastRecord, Rendition, Shape, listed_and_behind};
use crate::time::WallMs;

impl Broadcast {
    pub(super) fn manifest(
        &mut self,
        form: Form,
        record: &Arc<BroadcastRecord>,
        asked: Asked,
        now: WallMs,
    ) -> Step {
        let shape = match self.ready(record, asked, now) {
            Ok(shape) => shape,
            Err(step) => return *step,
        };
        if let Some(step) = self.unread_listed(record, asked, now) {
            return step;
        }
        let rendered = self.overview(Overview::Manifest(form), record, |this| {
            let tracks = listed_and_behind(&this.log, &record.settings);
            (!tracks.0.is_empty()).then(|| this.as_manifest(form, &shape, &tracks).render())
        });
        Step::Respond(match rendered {
            Some(rendered) => Response::manifest(rendered, &shape, CONTENT_TYPE),
            // Their headers are gone: the broadcast is being deleted.
            None => Response::held_too_long(),
        })
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
        Manifest { generation: &self.generation, shape, periods, renditions, behind, form }
    }
}
