//! Every case of `tests/golden` gives the answers that are written there, from every kind of edge.

use rimcast_tests::rules::{self, Context};
use rimcast_tests::watch::Watch;
use rimcast_tests::{golden, world::World};

#[test]
fn every_answer_is_as_written() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let only = std::env::var("GOLDEN_CASE").ok();
    let mut failures = Vec::new();
    for folder in golden::cases() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let mut watch = Watch::default();
        let played = golden::play(&golden::read(&folder), &mut |world: &mut World| watch.look(world));
        failures.extend(watch.violations.iter().take(5).map(|what| format!("{name}: {what}")));
        if let Ok(outcome) = &played {
            for exchange in &outcome.exchanges {
                let Some(text) = exchange.answer.playlist() else { continue };
                let found = rules::check(text, &Context::default());
                failures.extend(found.iter().map(|what| format!("{name}, {}: {what}", exchange.name)));
            }
        }
        let compared = played.and_then(|outcome| golden::compare(&folder, &golden::files(&outcome), update));
        if let Err(why) = compared {
            failures.push(format!("{name}: {why}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{}\nWhere the new answer is right: cargo xtask golden, and read what changed.",
        failures.join("\n")
    );
}
