//! Scenarios drawn from a seed.

use super::scenario::Scenario;

/// The scenario that belongs to a seed.
pub fn draw(seed: u64) -> Scenario {
    Scenario::calm("drawn", seed)
}
