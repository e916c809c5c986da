//! `prft`: when a fragment was produced (ISO/IEC 14496-12 §8.16.5).

use super::{BoxRef, Malformed};
use crate::time::WallMs;

/// A moment of the wall clock and the media time it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerTime {
    /// `reference_track_ID`.
    pub track_id: u32,
    /// `ntp_timestamp`.
    pub wall: WallMs,
    /// `media_time`, in ticks of the track. ffmpeg puts the first sample's composition time here.
    pub media_ticks: u64,
}

/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;

/// Reads the box.
///
/// # Errors
///
/// It is cut short.
pub fn parse(found: &BoxRef<'_>) -> Result<ProducerTime, Malformed> {
    let mut fields = found.fields();
    let (version, _) = fields.version_and_flags()?;
    let track_id = fields.u32()?;
    let ntp = fields.u64()?;
    let media_ticks = match version {
        0 => u64::from(fields.u32()?),
        _ => fields.u64()?,
    };
    Ok(ProducerTime { track_id, wall: wall_from_ntp(ntp), media_ticks })
}

/// A 64-bit NTP timestamp, rounded to the nearest millisecond. Seconds below 2^31 are of the era
/// that begins in 2036 (RFC 4330 §3).
fn wall_from_ntp(ntp: u64) -> WallMs {
    const MILLISECONDS: u64 = 1000;
    let seconds = ntp >> 32;
    let fraction = ntp & 0xffff_ffff;
    let era_s = if seconds < 1 << 31 { 1 << 32 } else { 0 };
    let unix_s = i64::try_from(seconds).unwrap_or(0).saturating_add(era_s).saturating_sub(NTP_TO_UNIX_S);
    let ms = fraction.saturating_mul(MILLISECONDS).saturating_add(1 << 31) >> 32;
    WallMs(unix_s.saturating_mul(1000)).plus_ms(i64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_becomes_unix_time_in_both_eras() {
        assert_eq!(wall_from_ntp(2_208_988_800 << 32), WallMs(0));
        // 2036-02-07T06:28:16Z, where the seconds begin again.
        assert_eq!(wall_from_ntp(0), WallMs(2_085_978_496_000));
        assert_eq!(wall_from_ntp(2_208_988_800 << 32 | 0x8000_0000), WallMs(500));
    }
}
