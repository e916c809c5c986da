//! Headers: which track a body is of, and which session its media belongs to.

use bytes::Bytes;

use super::Refusal;
use super::plan::Planned;
use super::receiver::Receiver;
use super::route::NAMELESS;
use super::track::{PushedHeader, Track};
use super::upload::UploadId;
use crate::cmaf::Header;
use crate::cmaf::mux::same_sample_entries;
use crate::limits;
use crate::log::reader::Target;
use crate::log::{SessionId, TrackName};
use crate::time::WallMs;

impl Receiver {
    /// Which track an upload's media belongs to, and which session.
    pub(super) fn bind(&mut self, id: UploadId, now: WallMs) -> Result<(TrackName, SessionId), Refusal> {
        let upload = self.uploads.get(&id).ok_or(Refusal::HeaderMissing)?;
        let name = upload.track.clone().ok_or(Refusal::HeaderMissing)?;
        let session = match &upload.bound {
            Some(session) => session.clone(),
            None => {
                let track = self.tracks.get(&name).ok_or(Refusal::HeaderMissing)?;
                let newest = track.headers.keys().next_back().ok_or(Refusal::HeaderMissing)?;
                let run = track.chain.as_ref().map_or(newest, |chain| &chain.run.session);
                let newest = newest.max(run).clone();
                if newest.is_slate() { self.session_after_slate(&newest, now) } else { newest }
            }
        };
        self.copy_header(&name, &session, id)?;
        let upload = self.uploads.get_mut(&id).ok_or(Refusal::HeaderMissing)?;
        upload.track = Some(name.clone());
        upload.bound = Some(session.clone());
        Ok((name, session))
    }

    /// A header: of a track that the newest session has, it mints the next one, unless it describes
    /// the samples just as that one does; then only its media tells a retry from a restart.
    pub(super) fn header(&mut self, id: UploadId, bytes: Bytes, now: WallMs) -> Result<(), Refusal> {
        let header = Header::parse(&bytes)?;
        let stream = self.uploads.get(&id).and_then(|upload| upload.stream());
        let name = self.track_name(stream.unwrap_or(NAMELESS), header.kind)?;
        if !self.tracks.contains_key(&name) && self.tracks.len() >= limits::TRACKS_PER_BROADCAST {
            return Err(Refusal::TooManyTracks);
        }
        let track = self.tracks.get_or_insert_with(name.clone(), || Track::new(name.clone(), header.kind));
        track.header_came = true;
        track.header_from = track.header_from.max(Some(id));
        track.header_at = now;
        let newest = self.newest_session.clone();
        let known = newest.as_ref().and_then(|session| track.headers.get(session));
        let is_retry = known.is_some_and(|pushed| {
            pushed.bytes == bytes || (pushed.header == header && same_sample_entries(&pushed.bytes, &bytes))
        });
        let session = match newest {
            Some(newest) if known.is_none() || is_retry => newest,
            _ => self.mint_session(now),
        };
        if !is_retry {
            self.put_header(&name, &session, PushedHeader { header, bytes }, id);
        }
        if let Some(upload) = self.uploads.get_mut(&id) {
            upload.track = Some(name);
            upload.bound = None;
            upload.end_ticks = None;
        }
        Ok(())
    }

    pub(super) fn mint_session(&mut self, now: WallMs) -> SessionId {
        let random = self.random();
        let session = match &self.newest_session {
            Some(newest) => newest.mint_after(now, random),
            None => SessionId::mint(now, random),
        };
        self.newest_session = Some(session.clone());
        session
    }

    /// Plans a header; only the newest few are kept.
    fn put_header(&mut self, name: &TrackName, session: &SessionId, pushed: PushedHeader, upload: UploadId) {
        let Some(track) = self.tracks.get_mut(name) else { return };
        let target = Target::Init(name.clone(), session.clone());
        let mut planned = Planned::create(target, String::new(), vec![pushed.bytes.clone()]);
        planned.uploads.push(upload);
        track.plan.push(planned);
        track.headers.insert(session.clone(), pushed);
        while track.headers.len() > limits::HEADERS_PER_TRACK {
            track.headers.pop_first();
        }
    }

    /// Gives a session the track's newest header, where it has none of its own.
    pub(super) fn copy_header(
        &mut self,
        name: &TrackName,
        session: &SessionId,
        upload: UploadId,
    ) -> Result<(), Refusal> {
        let track = self.tracks.get(name).ok_or(Refusal::HeaderMissing)?;
        if track.headers.contains_key(session) {
            return Ok(());
        }
        let pushed = track.newest_header().ok_or(Refusal::HeaderMissing)?.1.clone();
        self.put_header(name, session, pushed, upload);
        Ok(())
    }
}
