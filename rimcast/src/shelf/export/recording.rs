//! What there is to export: the chains of the tracks, and where on one clock everything lies.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ingest_lambda::store::StoreError;
use packager_core::cmaf::{Header, TrackKind};
use packager_core::log::{Chain, PeriodRecord, Rendition, Segment, SessionId, Timeline, TrackName};

use super::moment::Moment;
use crate::shelf::progress::{Progress, Unit};
use crate::shelf::walk::{Listed, Walked, read_header, recall, walk};
use crate::shelf::{Broadcast, Failure};

/// A recording, read.
pub(super) struct Recording<'a> {
    pub(super) broadcast: &'a Broadcast,
    /// The tracks that have media, by name.
    pub(super) tracks: Vec<Track>,
    pub(super) timeline: Timeline,
}

/// Headers by session: as stored, and what they say.
type Headers = Vec<(SessionId, Bytes, Arc<Header>)>;

/// A track of it.
pub(super) struct Track {
    pub(super) name: TrackName,
    headers: Headers,
    walked: Walked,
}

/// From when until when, in microseconds of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from_us: i64,
    pub(super) until_us: i64,
}

impl Range {
    /// All of it.
    pub(super) const ALL: Self = Self { from_us: i64::MIN, until_us: i64::MAX };
}

impl Track {
    pub(super) fn chain(&self) -> Option<&Chain> {
        self.walked.chain(&self.name)
    }

    /// All its segments, the one that is open too.
    pub(super) fn segments(&self) -> Vec<&Segment> {
        self.chain().into_iter().flat_map(|chain| chain.closed.iter().chain(&chain.open)).collect()
    }

    /// A session's header: as it is stored, and what it says.
    pub(super) fn header(&self, session: &SessionId) -> Result<(&Bytes, &Arc<Header>), Failure> {
        let found = self.headers.iter().find(|(of, ..)| of == session);
        found.map(|(_, bytes, header)| (bytes, header)).ok_or_else(|| {
            format!(
                "the header of session {session} of {} is missing or cannot be used, so what it recorded cannot be exported; \
                 choose others with --track, or a range without it",
                self.name
            )
            .into()
        })
    }

    /// Its newest header.
    pub(super) fn newest_header(&self) -> Option<&Header> {
        let session = &self.chain()?.run.session;
        let newest = self.headers.iter().find(|(of, ..)| of == session).or(self.headers.last());
        newest.map(|(_, _, header)| header.as_ref())
    }

    /// Where its log ends before its time, and why.
    fn damage(&self) -> Option<String> {
        let damage = self.walked.log.track(&self.name).and_then(|log| log.damage()).map(str::to_owned);
        let unreadable = || self.walked.unreadable.as_ref().map(|(key, why)| format!("{key}: {why}"));
        damage.or_else(unreadable)
    }
}

/// Headers of the sessions that a track has segments of.
async fn headers(broadcast: &Broadcast, name: &TrackName, walked: &Walked) -> Result<Headers, StoreError> {
    let chain = walked.chain(name).into_iter();
    let sessions = chain.flat_map(|chain| {
        let segments = chain.closed.iter().chain(&chain.open);
        segments.map(|segment| &segment.run.session).chain([&chain.run.session])
    });
    let mut headers = Vec::new();
    for session in sessions.collect::<BTreeSet<_>>() {
        if let (Some(bytes), Some(header)) = read_header(broadcast, name, session).await? {
            headers.push((session.clone(), bytes, Arc::new(header)));
        }
    }
    Ok(headers)
}

impl<'a> Recording<'a> {
    /// Reads the logs of these tracks, or of all that are shown.
    pub(super) async fn read(
        broadcast: &'a Broadcast,
        only: &[TrackName],
        as_json: bool,
    ) -> Result<Self, Failure> {
        if let Some(unknown) = only.iter().find(|name| !broadcast.tracks.contains(name)) {
            let names: Vec<_> = broadcast.tracks.iter().map(TrackName::as_str).collect();
            return Err(format!("there is no track {unknown}; there are {}", names.join(", ")).into());
        }
        let is_wanted = |name: &&TrackName| match only {
            [] => !broadcast.record.settings.track(name).hidden,
            only => only.contains(name),
        };
        let mut tracks = Vec::new();
        for name in broadcast.tracks.iter().filter(is_wanted) {
            let (walked, headers) = match recall(broadcast, name).await? {
                Some(walked) => {
                    let headers = headers(broadcast, name, &walked).await?;
                    (walked, headers)
                }
                None => {
                    let listed = Listed::read(broadcast, name).await?;
                    let what = format!("reading {name}");
                    let mut progress = Progress::new(&what, Unit::Objects, listed.entries(), as_json);
                    let walked = walk(broadcast, name, &listed, false, |_| progress.add(1)).await?;
                    progress.finish();
                    let headers = listed.sessions.into_iter();
                    let headers =
                        headers.filter_map(|(id, of)| Some((id, of.bytes?, Arc::new(of.header?)))).collect();
                    (walked, headers)
                }
            };
            let track = Track { name: name.clone(), headers, walked };
            if let Some(why) = track.damage() {
                eprintln!(
                    "{name} is exported up to where its log is damaged ({why}); see `rimcast verify {}`",
                    broadcast.name
                );
            }
            if track.segments().iter().any(|segment| !segment.is_gap()) {
                tracks.push(track);
            }
        }
        if tracks.is_empty() {
            return Err(
                format!("nothing was recorded of {} yet: no track has any media", broadcast.name).into()
            );
        }
        let timeline = Timeline::of(tracks.iter().flat_map(Track::segments));
        Ok(Self { broadcast, tracks, timeline })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.tracks.iter().filter_map(Track::chain).all(|chain| chain.ended)
    }

    /// The period records.
    pub(super) fn periods(&self) -> &[PeriodRecord] {
        self.tracks.first().map_or(&[], |track| track.walked.log.periods())
    }

    /// As players are shown a track.
    pub(super) fn rendition<'t>(&'t self, track: &'t Track) -> Option<Rendition<'t>> {
        let settings = self.broadcast.record.settings.track(&track.name);
        Some(Rendition {
            track: &track.name,
            header: track.newest_header()?,
            chain: track.chain()?,
            settings,
        })
    }

    /// The track that says where a recording can be cut.
    pub(super) fn leading<'t>(&self, tracks: &[&'t Track]) -> Option<&'t Track> {
        let is = |kind| move |track: &&&Track| track.chain().is_some_and(|chain| chain.begin.kind == kind);
        let video = tracks.iter().find(is(TrackKind::Video));
        video.or_else(|| tracks.iter().find(is(TrackKind::Audio))).or(tracks.first()).copied()
    }

    /// What lies between two moments.
    pub(super) fn range(&self, from: Option<&Moment>, until: Option<&Moment>) -> Result<Range, Failure> {
        let at = |moment: &Moment| match moment {
            Moment::Recorded(ms) => i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX),
            Moment::Wall(wall) => self.at_wall(wall.0),
        };
        let range = Range { from_us: from.map_or(i64::MIN, at), until_us: until.map_or(i64::MAX, at) };
        if range.until_us <= range.from_us {
            return Err("--until lies before --from; nothing is between them".into());
        }
        let is_in = |segment: &&Segment| {
            let (begins, ends) = self.timeline.shows(segment);
            !segment.is_gap() && ends > range.from_us && begins < range.until_us
        };
        if !self.tracks.iter().any(|track| track.segments().iter().any(is_in)) {
            return Err("nothing was recorded between --from and --until".into());
        }
        Ok(range)
    }

    /// When the recording shows what was sent at a time of day: what was next, where nothing was.
    fn at_wall(&self, wall_ms: i64) -> i64 {
        let all: Vec<&Track> = self.tracks.iter().collect();
        let mut at = i64::MIN;
        for segment in self.leading(&all).map(Track::segments).unwrap_or_default() {
            let record = usize::try_from(segment.run.period).ok().and_then(|n| self.periods().get(n));
            let Some(record) = record else { continue };
            let begins =
                record.anchor.wall_at(segment.start_ticks, segment.offset_ticks(), segment.run.timescale);
            if begins.0 > wall_ms {
                break;
            }
            let (from_us, until_us) = self.timeline.shows(segment);
            at = from_us.saturating_add((wall_ms - begins.0).saturating_mul(1000)).min(until_us);
        }
        at
    }
}
