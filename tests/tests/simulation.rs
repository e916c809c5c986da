//! The packager under simulation: scenarios by name, and many drawn from seeds.
//!
//! `SIM_SEED=17` replays one drawn scenario, `SIM_NAME=restart` those whose name holds that, both
//! with the whole event log when `SIM_VERBOSE` is set; `SIM_SEEDS=5000` draws that many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rimcast_tests::sim::{self, Scenario};

/// Scenarios drawn in a run of the tests, unless `SIM_SEEDS` says otherwise.
const DRAWN: u64 = 150;

#[test]
fn named_scenarios_hold() {
    if number("SIM_SEED").is_some() {
        return;
    }
    let only = std::env::var("SIM_NAME").unwrap_or_default();
    hold(sim::named().into_iter().filter(|scenario| scenario.name.contains(&only)).collect());
}

#[test]
fn drawn_scenarios_hold() {
    if std::env::var_os("SIM_NAME").is_some() {
        return;
    }
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(DRAWN),
    };
    hold(seeds.map(sim::draw).collect());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// Runs scenarios, as many at once as there are processors, and shows what the first broken one broke.
fn hold(scenarios: Vec<Scenario>) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failures = std::thread::scope(|scope| {
        let run = || {
            let mut failures = Vec::new();
            while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(failure) = outcome(scenario) {
                    failures.push((scenario, failure));
                }
            }
            failures
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("panics are caught")).collect::<Vec<_>>()
    });
    if let Some((_, first)) = failures.first() {
        for (scenario, failure) in &failures {
            eprintln!("{} (seed {}): {}", scenario.name, scenario.seed, broken_rule(failure));
        }
        panic!("{} of {} scenarios are broken; one of them:\n{first}", failures.len(), scenarios.len());
    }
}

/// The line of a failure that names the rule.
fn broken_rule(failure: &str) -> &str {
    failure.lines().skip_while(|line| !line.contains("(seed")).nth(1).unwrap_or("it panicked")
}

fn outcome(scenario: &Scenario) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(|| sim::run(scenario))) {
        Ok(Ok(summary)) => {
            if std::env::var_os("SIM_VERBOSE").is_some() {
                eprintln!("{} (seed {}): {summary:?}", scenario.name, scenario.seed);
            }
            Ok(())
        }
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(_) => Err(format!("{} (seed {}): it panicked", scenario.name, scenario.seed)),
    }
}
