//! Scenarios that are always run.

use super::scenario::Scenario;

/// All of them.
pub fn named() -> Vec<Scenario> {
    vec![Scenario::calm("calm", 1)]
}
