//! Timing, and how figures are printed.

use std::time::{Duration, Instant};

/// The median time of one call, over enough rounds to fill about a second.
pub(crate) fn median_of_calls(mut call: impl FnMut()) -> Duration {
    let begun = Instant::now();
    call();
    let once = begun.elapsed().max(Duration::from_nanos(50));
    let calls_per_round = (Duration::from_millis(20).as_nanos() / once.as_nanos()).clamp(1, 1_000_000) as u32;
    let mut rounds: Vec<Duration> = (0..40)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..calls_per_round {
                call();
            }
            begun.elapsed() / calls_per_round
        })
        .collect();
    rounds.sort();
    rounds[rounds.len() / 2]
}

/// A share of sorted values: 0.5 is the median.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(((last as f64) * share).round() as usize).copied().unwrap_or_default()
}

/// Milliseconds with two decimals.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}
