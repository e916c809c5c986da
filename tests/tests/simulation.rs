//! The packager under simulation: scenarios by name, and many drawn from seeds.

use rimcast_tests::sim;

#[test]
fn named_scenarios_hold() {
    for scenario in sim::named() {
        match sim::run(&scenario) {
            Ok(summary) => eprintln!("{}: {summary:?}", scenario.name),
            Err(failure) => panic!("{failure}"),
        }
    }
}
