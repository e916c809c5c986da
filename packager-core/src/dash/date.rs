//! Dates and durations as XML Schema has them.

use std::fmt::Write as _;

use crate::time::Timescale;

pub use crate::time::iso_date;

/// `xs:duration` of milliseconds.
pub(super) fn duration(ms: u64) -> String {
    let mut text = format!("PT{}", ms / 1000);
    push_fraction(&mut text, ms % 1000);
    text.push('S');
    text
}

/// Seconds with up to three decimals, rounded down.
pub(super) fn seconds(ticks: u64, timescale: Timescale) -> String {
    let product = u128::from(ticks).saturating_mul(1000);
    let ms = product.checked_div(u128::from(timescale.ticks_per_second())).unwrap_or(0);
    let ms = u64::try_from(ms).unwrap_or(u64::MAX);
    let mut text = (ms / 1000).to_string();
    push_fraction(&mut text, ms % 1000);
    text
}

fn push_fraction(to: &mut String, thousandths: u64) {
    if thousandths > 0 {
        let digits = format!("{thousandths:03}");
        let _ = write!(to, ".{}", digits.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_schemas_have_them() {
        assert_eq!(duration(0), "PT0S");
        assert_eq!(duration(2_500), "PT2.5S");
        assert_eq!(duration(3_600_040), "PT3600.04S");
        let ntsc = Timescale::new(30_000).unwrap();
        assert_eq!(seconds(45_045, ntsc), "1.501");
        assert_eq!(seconds(60_000, ntsc), "2");
    }
}
