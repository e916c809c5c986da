//! Holds every playlist against the rules, given those that came before it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use rimcast_tests::rules::playlist::Media;
use rimcast_tests::rules::{self, Context, Violation, delta};

/// Judgements that are kept: more than there are playlists at any time.
const KEPT: usize = 512;

/// A media playlist as a player has it, after all updates.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) media: Media,
    /// Of everything that led here: the same for viewers that saw the same.
    history: u64,
}

/// What became of a playlist.
#[derive(Clone)]
struct Judged {
    of: u64,
    known: Option<Arc<Known>>,
    violations: Arc<[Violation]>,
}

/// Judges; what many viewers get, once.
#[derive(Default)]
pub(crate) struct Judge(Mutex<VecDeque<Judged>>);

impl Judge {
    /// What is wrong with a multivariant playlist.
    pub(crate) fn multivariant(&self, text: &str) -> Arc<[Violation]> {
        let judge = || (None, rules::check(text, &Context::default()));
        self.once(hash(&("multivariant", text)), judge).violations
    }

    /// Takes a playlist, or a delta update of one, into what was known of the track. `None` where it cannot
    /// be read.
    pub(crate) fn media(
        &self,
        track: &str,
        before: Option<&Arc<Known>>,
        text: &str,
    ) -> (Option<Arc<Known>>, Arc<[Violation]>) {
        let history = hash(&(track, before.map(|known| known.history), text));
        let judged = self.once(history, || {
            let mut violations = rules::check(text, &Context::default());
            // Where it cannot be read, that has been said.
            let Ok(update) = Media::parse(text) else { return (None, violations) };
            let media = match before {
                _ if update.skipped == 0 => Ok(update),
                Some(before) => delta::merge(&before.media, &update),
                None => Err("it skips what nobody has".to_owned()),
            };
            match (&media, before) {
                (Err(what), _) => violations.push(Violation { rule: "H13", what: what.clone() }),
                (Ok(media), Some(before)) => violations.extend(rules::check_after(&before.media, media)),
                (Ok(_), None) => {}
            }
            (media.ok().map(|media| Arc::new(Known { media, history })), violations)
        });
        (judged.known, judged.violations)
    }

    fn once(&self, of: u64, judge: impl FnOnce() -> (Option<Arc<Known>>, Vec<Violation>)) -> Judged {
        let mut judged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = judged.iter().rev().find(|known| known.of == of) {
            return known.clone();
        }
        let (known, violations) = judge();
        let new = Judged { of, known, violations: violations.into() };
        if judged.len() >= KEPT {
            judged.pop_front();
        }
        judged.push_back(new.clone());
        new
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
