//! How puts went.

use super::Refusal;
use super::notice::Notice;
use super::plan::{Outcome, Plan, Planned, PutId, PutMode, is_same};
use super::receiver::Receiver;
use super::slate;
use crate::log::reader::Target;
use crate::time::WallMs;

impl Receiver {
    /// A put has been carried out. True if what was planned is there now, whoever wrote it.
    pub fn stored(&mut self, id: PutId, outcome: &Outcome, now: WallMs) -> bool {
        let mut is_there = false;
        if let Some(planned) = self.period_plan.landed(id) {
            is_there = same_object(&planned, outcome);
            if is_there {
                self.periods_stored = self.periods_stored.saturating_add(1);
            } else {
                self.poison_all(&planned, outcome);
            }
        }
        for track in self.tracks.values_mut() {
            if let Some(index) = track.plan.aside.iter().position(|(put, _)| *put == id) {
                let (_, planned) = track.plan.aside.swap_remove(index);
                is_there = matches!(outcome, Outcome::Stored(_));
                track.indexed(&planned.target, outcome);
                if matches!(planned.target, Target::Head(_)) {
                    // A write may take its time; the next one comes a second after it at the earliest.
                    track.checkpoint_at = track.checkpoint_at.max(now);
                    match outcome {
                        Outcome::Stored(tag) | Outcome::Changed(tag) => track.checkpoint_tag.clone_from(tag),
                        _ => {}
                    }
                }
            }
            let Some(planned) = track.plan.landed(id) else { continue };
            is_there = same_object(&planned, outcome);
            if is_there {
                if slate::leads_out(&planned) {
                    track.crossing.clear();
                }
                track.restate(&planned, outcome);
                continue;
            }
            let crosses = slate::leads_out(&planned);
            let was_poisoned = std::mem::replace(&mut track.poisoned, true);
            if let Target::Part(_, session, start_ticks) = &planned.target {
                // Those that were under way at the same time are of one session.
                let earlier =
                    track.stored_until.take().filter(|(_, before)| was_poisoned && before < start_ticks);
                track.stored_until = earlier.or_else(|| Some((session.clone(), *start_ticks)));
            }
            let lost = std::mem::take(&mut track.plan.queue);
            let waiting = std::mem::take(&mut track.pending_from);
            let planned_for = lost.iter().chain([&planned]).flat_map(|planned| planned.uploads.clone());
            let uploads = planned_for.chain(waiting);
            if crosses && matches!(outcome, Outcome::Exists { .. }) {
                // It is offered again once the part that was faster is known.
                slate::offer_again(track, &mut self.uploads);
                continue;
            }
            let (refusal, notice) = not_stored(planned.target.key(&self.keys), outcome);
            for upload in uploads {
                if let Some(upload) = self.uploads.get_mut(&upload) {
                    upload.refused = Some(refusal.clone());
                }
            }
            self.notices.push(notice);
        }
        self.pump(now);
        is_there
    }

    fn poison_all(&mut self, planned: &Planned, outcome: &Outcome) {
        let (refusal, notice) = not_stored(planned.target.key(&self.keys), outcome);
        self.notices.push(notice);
        self.period_plan.queue.clear();
        self.periods.truncate(usize::try_from(self.periods_stored).unwrap_or(usize::MAX));
        for track in self.tracks.values_mut() {
            track.poisoned = true;
            track.plan.queue.clear();
            track.pending_from.clear();
        }
        for upload in self.uploads.values_mut() {
            let crosses = upload.track.as_ref().and_then(|track| self.tracks.get(track));
            if crosses.is_none_or(|track| track.crossing.is_empty()) {
                upload.refused = Some(refusal.clone());
            }
        }
        for track in self.tracks.values_mut() {
            slate::offer_again(track, &mut self.uploads);
        }
    }

    /// Another writer got in between, or storage failed: read the broadcast again
    /// ([`Recovery`](super::Recovery)) and hand it to [`reload`](Self::reload). Until then nothing
    /// is taken for the tracks concerned.
    pub fn needs_reload(&self) -> bool {
        let settled = |plan: &Plan| plan.in_flight.is_empty();
        self.tracks.values().any(|track| track.poisoned)
            && settled(&self.period_plan)
            && self.tracks.values().all(|track| settled(&track.plan))
    }
}

/// What to tell the encoder and the operator when what was planned is not what is stored.
fn not_stored(key: String, outcome: &Outcome) -> (Refusal, Notice) {
    match outcome {
        Outcome::Failed(why) => (Refusal::Storage(why.clone()), Notice::NotStored { key, why: why.clone() }),
        _ => (Refusal::TooLate, Notice::Conflict { key }),
    }
}

/// What was to be stored is, whoever stored it.
fn same_object(planned: &Planned, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Stored(_) => true,
        Outcome::Exists { meta, body } => {
            is_same(&planned.target, (&planned.meta, &planned.body.concat()), (meta, body))
        }
        Outcome::Changed(_) | Outcome::Failed(_) => matches!(planned.mode, PutMode::Swap(_)),
    }
}
