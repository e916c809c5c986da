//! What viewers saw, all together, and the report of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use rimcast_tests::rules::Violation;
use serde::Serialize;

use crate::client::Answer;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Playlist,
    Media,
}

/// Breaks of rules that are told apart; thousands of viewers may see the same.
const BREAKS_KEPT: usize = 50;

/// Counts, as it goes on.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default, Clone)]
struct Counts {
    playlists: Answers,
    media: Answers,
    late_ms: Vec<i64>,
    stalls: u64,
    rule_breaks: BTreeMap<String, u64>,
}

/// Answers of one kind.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Answers {
    /// With status 200.
    ok: u64,
    bytes: u64,
    /// By status, or by what went wrong instead.
    errors: BTreeMap<String, u64>,
    /// Values of `Cf-Cache-Status`; `none` where there is no such header.
    cache_status: BTreeMap<String, u64>,
    /// Values of `Age`, in seconds.
    age_s: BTreeMap<u64, u64>,
}

/// What the run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    url: String,
    viewers: usize,
    seconds: u64,
    playlists: Answers,
    media: Answers,
    /// From the end of a part, by its date, to its last byte in a viewer's hands.
    latency: Option<Latency>,
    /// Blocking playlists that took twice as long as they may.
    stalls: u64,
    /// What was wrong, and how many viewers saw it how often.
    rule_breaks: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Latency {
    parts: usize,
    median_ms: i64,
    p99_ms: i64,
}

impl Tally {
    fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn answered(&self, kind: Kind, answer: &Result<Answer, &'static str>) {
        self.count(|counts| {
            let answers = match kind {
                Kind::Playlist => &mut counts.playlists,
                Kind::Media => &mut counts.media,
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(why) => {
                    *answers.errors.entry((*why).to_owned()).or_default() += 1;
                    return;
                }
            };
            if answer.status == 200 {
                answers.ok += 1;
                answers.bytes += answer.body.len() as u64;
            } else {
                *answers.errors.entry(answer.status.to_string()).or_default() += 1;
            }
            let cache_status = answer.cache_status.as_deref().unwrap_or("none").to_owned();
            *answers.cache_status.entry(cache_status).or_default() += 1;
            if let Some(age_s) = answer.age_s {
                *answers.age_s.entry(age_s).or_default() += 1;
            }
        });
    }

    pub(crate) fn late_by(&self, ms: i64) {
        self.count(|counts| counts.late_ms.push(ms));
    }

    pub(crate) fn stalled(&self) {
        self.count(|counts| counts.stalls += 1);
    }

    pub(crate) fn broken(&self, path: &str, violations: &[Violation]) {
        for violation in violations {
            self.broken_as(violation.rule, path, &violation.what);
        }
    }

    pub(crate) fn broken_as(&self, rule: &str, path: &str, what: &str) {
        self.count(|counts| {
            let of = format!("{rule} {path}: {what}");
            let of = match counts.rule_breaks.len() < BREAKS_KEPT || counts.rule_breaks.contains_key(&of) {
                true => of,
                false => "others".to_owned(),
            };
            *counts.rule_breaks.entry(of).or_default() += 1;
        });
    }

    pub(crate) fn report(&self, url: String, viewers: usize, seconds: u64) -> Report {
        let Counts { playlists, media, mut late_ms, stalls, rule_breaks } =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        late_ms.sort_unstable();
        let latency = quantile(&late_ms, 50).zip(quantile(&late_ms, 99)).map(|(median_ms, p99_ms)| Latency {
            parts: late_ms.len(),
            median_ms,
            p99_ms,
        });
        Report { url, viewers, seconds, playlists, media, latency, stalls, rule_breaks }
    }
}

/// Of sorted values, the one that so many percent do not exceed.
fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

impl Report {
    /// Parts came, and nothing was wrong.
    pub(crate) fn is_good(&self) -> bool {
        let no_errors = self.playlists.errors.is_empty() && self.media.errors.is_empty();
        no_errors && self.rule_breaks.is_empty() && self.latency.is_some()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} viewers of {} for {} s", self.viewers, self.url, self.seconds)?;
        for (name, of) in [("playlists", &self.playlists), ("media", &self.media)] {
            writeln!(f, "{name:<12} {} answers, {:.1} MB", of.ok, of.bytes as f64 / 1e6)?;
            writeln!(f, "{:<12} errors           {}", "", listed(&of.errors))?;
            writeln!(f, "{:<12} Cf-Cache-Status  {}", "", listed(&of.cache_status))?;
            writeln!(f, "{:<12} Age (s)          {}", "", listed(&of.age_s))?;
        }
        match self.latency {
            Some(Latency { parts, median_ms, p99_ms }) => writeln!(
                f,
                "latency      median {median_ms} ms, p99 {p99_ms} ms, of {parts} parts: from a part's end by its date to its last byte here"
            )?,
            None => writeln!(f, "latency      no part was published while anyone watched")?,
        }
        writeln!(f, "stalls       {} (blocking playlists that took twice as long as they may)", self.stalls)?;
        writeln!(f, "rule breaks  {}", self.rule_breaks.values().sum::<u64>())?;
        for (what, times) in &self.rule_breaks {
            writeln!(f, "  {times} times {what}")?;
        }
        Ok(())
    }
}

/// `200: 17, 503: 2`
fn listed<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let counts: Vec<_> = counts.iter().map(|(of, count)| format!("{of}: {count}")).collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Result<Answer, &'static str> {
        let body = bytes::Bytes::from_static(b"body");
        Ok(Answer { status, cache_status: Some("HIT".to_owned()), age_s: Some(1), body })
    }

    #[test]
    fn one_error_or_break_or_no_media_at_all_is_bad() {
        let report = |tally: &Tally| tally.report(String::new(), 1, 1);
        let tally = Tally::default();
        tally.answered(Kind::Playlist, &answer(200));
        assert!(!report(&tally).is_good(), "no part came");
        tally.late_by(3);
        tally.stalled();
        assert!(report(&tally).is_good());
        tally.broken_as("H9", "/a", "hinted in vain");
        assert!(!report(&tally).is_good());
        for failed in [answer(503), Err("timeout")] {
            let tally = Tally::default();
            tally.late_by(3);
            tally.answered(Kind::Media, &failed);
            assert!(!report(&tally).is_good());
        }
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let ms: Vec<i64> = (1..=200).collect();
        assert_eq!((quantile(&ms, 50), quantile(&ms, 99)), (Some(100), Some(198)));
        assert_eq!((quantile(&[7], 50), quantile(&[7], 99), quantile(&[], 50)), (Some(7), Some(7), None));
    }
}
