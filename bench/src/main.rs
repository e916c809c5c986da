//! `cargo xtask bench`: how fast Rimcast is, next to a yardstick measured in the same run, since
//! machines differ and are noisy. Nothing here passes or fails.

mod cut;
mod load;
mod measure;
mod render;
mod serve;

fn main() {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|given| given == name);
    if wanted("render") {
        render::run();
    }
    if wanted("cut") {
        cut::run();
    }
    if wanted("latency") {
        serve::latency();
    }
    if wanted("fanout") {
        serve::fan_out();
    }
}
