//! A simulation of everything at once, from a seed.
//!
//! Encoders, ingests, object storage, edges and viewers in one thread, on a clock that jumps from
//! one event to the next. The code under test is the packager itself ([`packager_core`]); what is
//! simulated is what surrounds it: hosts, networks, storage, and all that goes wrong with them. The
//! same scenario and seed give the same run, always, so that a failure can be looked at again:
//!
//! ```text
//! SIM_SEED=1234 cargo test -p rimcast-tests --test simulation
//! ```

mod check;
mod draw;
mod edge;
mod encoder;
mod ingest;
mod media;
mod named;
mod playlist;
mod queue;
mod rng;
mod sabotage;
mod scenario;
mod store;
mod twin;
mod viewer;
mod world;

use std::fmt;

pub use check::{Rule, Summary, Violation};
pub use draw::draw;
pub use media::{Times, TrackSpec};
pub use named::named;
pub use sabotage::Sabotage;
pub use scenario::{Fault, PushStyle, RangeMs, Scenario, Twin};

/// A rule was broken in a scenario.
#[derive(Debug)]
pub struct Failure {
    /// Which, and how.
    pub violation: Violation,
    /// When, in milliseconds from the start.
    pub at_ms: u64,
    /// What it happened in.
    pub scenario: Box<Scenario>,
    /// The end of the event log.
    pub tail: Vec<String>,
}

/// Runs a scenario and checks everything in it.
///
/// # Errors
///
/// A rule was broken.
pub fn run(scenario: &Scenario) -> Result<Summary, Box<Failure>> {
    let mut world = world::World::new(scenario);
    match world.run() {
        Ok(()) => Ok(world.summary()),
        Err(violation) => Err(Box::new(Failure {
            violation,
            at_ms: world.now,
            scenario: Box::new(scenario.clone()),
            tail: world.tail(),
        })),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.tail {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "\n{:#?}", self.scenario)?;
        writeln!(f, "\n{} (seed {}) after {} ms:", self.scenario.name, self.scenario.seed, self.at_ms)?;
        writeln!(f, "{}", self.violation)
    }
}
