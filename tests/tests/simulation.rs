//! The packager under simulation: scenarios by name, and many drawn from seeds.
//!
//! `SIM_SEED=17` replays one drawn scenario, `SIM_NAME=restart` those whose name holds that, both
//! with the whole event log when `SIM_VERBOSE` is set; `SIM_SEEDS=5000` draws that many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rimcast_tests::sim::{self, Fault, PushStyle, Rule, Sabotage, Scenario, TrackSpec};

/// Scenarios drawn in a run of the tests, unless `SIM_SEEDS` says otherwise.
const DRAWN: u64 = 150;

#[test]
fn named_scenarios_hold() {
    if number("SIM_SEED").is_some() {
        return;
    }
    let only = std::env::var("SIM_NAME").unwrap_or_default();
    let scenarios: Vec<_> =
        sim::named().into_iter().filter(|scenario| scenario.name.contains(&only)).collect();
    hold(&scenarios);
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
    hold(&seeds.map(sim::draw).collect::<Vec<_>>());
}

/// A planted break is seen, and seen for what it is; without it the scenario holds.
fn assert_seen(sabotage: Sabotage, rule: Rule, scenario: Scenario) {
    let whole = Scenario { is_calm: false, ..scenario };
    if let Err(failure) = sim::run(&whole) {
        panic!("without the break:\n{failure}");
    }
    match sim::run(&Scenario { sabotage, ..whole }) {
        Ok(summary) => panic!("{sabotage:?} was not seen: {summary:?}"),
        Err(failure) => assert_eq!(failure.violation.rule, rule, "{sabotage:?}: {failure}"),
    }
}

#[test]
fn published_media_that_changes_is_seen() {
    assert_seen(Sabotage::ChangeParts, Rule::Inv2, Scenario::calm("changed parts", 2));
}

#[test]
fn a_part_written_twice_is_seen() {
    assert_seen(Sabotage::WriteTwice, Rule::Inv3, Scenario::calm("parts written twice", 3));
}

#[test]
fn a_key_rewritten_too_often_is_seen() {
    assert_seen(Sabotage::CheckpointTwice, Rule::Inv3, Scenario::calm("checkpoints written twice", 3));
}

#[test]
fn an_edge_that_folds_otherwise_is_seen() {
    let tracks = vec![TrackSpec::video("v0", 12_800, 512, 25), TrackSpec::audio("a1", 48_000)];
    let scenario = Scenario { tracks, ..Scenario::calm("another fold", 4) };
    assert_seen(Sabotage::FoldOtherwise, Rule::Inv4, scenario);
}

#[test]
fn an_answer_before_media_is_stored_is_seen() {
    let kill = [(15_100, Fault::KillIngest { ingest: 0, pause_ms: 2_000 })];
    let mut scenario = Scenario::calm("early answers", 5).with(&kill);
    (scenario.style, scenario.retries, scenario.put_ms) = (PushStyle::Chunks, false, (200, 300));
    assert_seen(Sabotage::AnswerEarly, Rule::Inv5, scenario);
}

#[test]
fn media_taken_twice_is_seen() {
    let mut scenario = Scenario::calm("taken twice", 6);
    (scenario.style, scenario.doubled_permille) = (PushStyle::Chunks, 100);
    assert_seen(Sabotage::TakeTwice, Rule::Inv5, scenario);
}

#[test]
fn a_part_listed_before_it_is_stored_is_seen() {
    assert_seen(Sabotage::ListEarly, Rule::Inv7, Scenario::calm("listed early", 7));
}

#[test]
fn a_hinted_part_answered_before_it_is_whole_is_seen() {
    assert_seen(Sabotage::AnswerHintEarly, Rule::Inv7, Scenario::calm("answered early", 8));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run =
        || sim::run(&sim::draw(7)).map(|summary| summary.fingerprint).map_err(|failure| failure.to_string());
    assert_eq!(run(), run());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// Runs scenarios, as many at once as there are processors, and shows what the first broken one broke.
fn hold(scenarios: &[Scenario]) {
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
