//! The slate of a broadcast that nothing was pushed to yet: it begins the tracks that the encoder will go on with.

use super::{Clip, Object, Slate, head_start_ms};
use crate::log::reader::Target;
use crate::log::slate::kind_of;
use crate::log::{Anchor, Begin, PeriodRecord, SessionId, Shape, record};
use crate::time::{Timescale, WallMs};

/// Milliseconds: times of a slate's period are counted from when it began.
const MILLISECONDS: u32 = 1000;

/// Segments that whoever comes first finds there.
const HEAD_START: i64 = 3;

/// A slate that is being begun. What it takes is created in order; whoever finds another's begins that one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Its session, which says all that is not the settings'.
    pub session: SessionId,
    /// How many of its objects are there.
    pub done: usize,
}

impl Beginning {
    /// One that begins now.
    pub fn now(slate: &Slate<'_>, now: WallMs) -> Self {
        let before_ms = super::LAG_MS.saturating_add(head_start_ms(slate.cut, HEAD_START));
        Self::of(SessionId::of_slate(now.plus_ms(before_ms.saturating_neg())))
    }

    /// One that somebody has begun.
    pub fn of(session: SessionId) -> Self {
        Self { session, done: 0 }
    }
}

/// The next object that a slate begins with; `None`: all of them are there, and the last is period record 0.
pub fn begin(slate: &Slate<'_>, beginning: &Beginning) -> Option<Object> {
    let Beginning { session, done } = beginning;
    let tracks =
        slate.settings.tracks.iter().filter_map(|track| Some((track, slate.clip.of(kind_of(track)?)?)));
    let begins = tracks.clone().map(|(track, of)| {
        let begin = Begin {
            kind: of.header.kind,
            session: session.clone(),
            start_ticks: 0,
            timescale: of.header.timescale,
            period: 0,
            part_target_ticks: of.part_target_ticks(slate.cut.part_ms),
            first_msn: 1,
        };
        Object::json(Target::Begin(track.clone()), record::to_json(&begin))
    });
    let headers = tracks.clone().map(|(track, of)| Object::header(track, session, of));
    let period = PeriodRecord {
        session: session.clone(),
        anchor: anchor(session.minted_at()?)?,
        shape: Some(shape(slate, slate.clip)),
    };
    let period = Object::json(Target::Period(0), record::to_json(&period));
    let period = tracks.clone().next().map(|_| period);
    begins.chain(headers).chain(period).nth(*done)
}

/// What is fixed for good, before any encoder has said how far its keyframes are apart: so it is the settings' word.
fn shape(slate: &Slate<'_>, clip: &Clip) -> Shape {
    let target_duration_s = slate.cut.target_duration_s(clip.keyframe_interval_ms());
    Shape { target_duration_s, ..slate.cut.assumed_shape() }
}

/// The map from a slate's times to dates.
pub(super) fn anchor(wall: WallMs) -> Option<Anchor> {
    Some(Anchor { wall, time_ticks: 0, timescale: Timescale::new(MILLISECONDS)?, is_produced: false })
}
