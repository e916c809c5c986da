//! What an operator should read in the log: encoders do not show a server's answers.

use std::fmt;

use crate::log::{SessionId, TrackName};

/// Something worth a line in the log.
#[expect(missing_docs, reason = "the fields say what they are, and Display says it in full")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A track's first media.
    TrackBegan { track: TrackName, codec: String, part_target_ms: u64 },
    /// The encoder said that it was the last (`lmsg`).
    TrackEnded { track: TrackName },
    /// TARGETDURATION was fixed; playlists can be made.
    TargetDuration { seconds: u32 },
    /// Keyframes are further apart than a segment should be.
    KeyframesFarApart { track: TrackName, interval_ms: u64, segment_ms: u32 },
    /// No second keyframe for a long time.
    NoSecondKeyframe { track: TrackName, seconds: u32 },
    /// Media is dropped until a keyframe comes.
    WaitingForKeyframe { track: TrackName },
    /// The encoder restarted, or its times did.
    PeriodBegan { period: u32, session: SessionId, track: TrackName },
    /// A new header, with times going on.
    HeaderChanged { track: TrackName, session: SessionId },
    /// Times jumped ahead.
    Gap { track: TrackName, missing_ms: u64 },
    /// A track fell behind the others.
    Absent { track: TrackName, behind_ms: u64 },
    /// A chunk was refused.
    Refused { track: TrackName, why: String },
    /// A body stopped half way.
    CutShort { path: String },
    /// Another writer got there first.
    Conflict { key: String },
    /// Storage failed, after retries.
    NotStored { key: String, why: String },
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Info,
    /// Viewers may notice.
    Warning,
}

impl Notice {
    /// How loud it is.
    pub fn severity(&self) -> Severity {
        match self {
            Notice::TrackBegan { .. }
            | Notice::TrackEnded { .. }
            | Notice::TargetDuration { .. }
            | Notice::HeaderChanged { .. } => Severity::Info,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::TrackBegan { track, codec, part_target_ms } => {
                write!(f, "track {track} began: {codec}, parts of up to {part_target_ms} ms")
            }
            Notice::TrackEnded { track } => {
                write!(f, "track {track} has ended; nothing more is taken for it")
            }
            Notice::TargetDuration { seconds } => {
                write!(f, "target duration fixed at {seconds} s; the broadcast can be watched")
            }
            Notice::KeyframesFarApart { track, interval_ms, segment_ms } => write!(
                f,
                "keyframes of {track} are {interval_ms} ms apart, so segments are longer than the {segment_ms} ms \
                 asked for and viewers take longer to start; set the encoder's keyframe interval to {segment_ms} ms \
                 (ffmpeg: -g frames -keyint_min frames -sc_threshold 0)"
            ),
            Notice::NoSecondKeyframe { track, seconds } => write!(
                f,
                "{track} has had no second keyframe for {seconds} s; segments will begin without one, and viewers \
                 can only start at keyframes; set a keyframe interval in the encoder (ffmpeg: -g)"
            ),
            Notice::WaitingForKeyframe { track } => {
                write!(f, "media of {track} does not start with a keyframe; dropping frames until one comes")
            }
            Notice::PeriodBegan { period, session, track } => write!(
                f,
                "times of {track} start over (the encoder restarted?): session {session}, period {period}; players \
                 see a discontinuity"
            ),
            Notice::HeaderChanged { track, session } => {
                write!(f, "the header of {track} changed while its times go on: session {session}")
            }
            Notice::Gap { track, missing_ms } => {
                write!(
                    f,
                    "times of {track} jump ahead: {missing_ms} ms of media never came; players see a gap"
                )
            }
            Notice::Absent { track, behind_ms } => write!(
                f,
                "{track} is {behind_ms} ms behind the other tracks; its playlist shows a gap until it comes back"
            ),
            Notice::Refused { track, why } => write!(f, "media of {track} was refused: {why}"),
            Notice::CutShort { path } => {
                write!(f, "the upload of {path} broke off half way; what was whole of it is kept")
            }
            Notice::Conflict { key } => {
                write!(f, "another writer stored {key} first; taking up the broadcast as it is stored")
            }
            Notice::NotStored { key, why } => {
                write!(f, "{key} could not be stored: {why}; taking up the broadcast as it is stored")
            }
        }
    }
}
