//! `cargo xtask bench`: how fast Rimcast is, next to a yardstick measured in the same run, since
//! machines differ and are noisy. Nothing here passes or fails.

mod cut;
mod export;
mod growing;
mod load;
mod long;
mod manifest;
mod measure;
mod push;
mod render;
mod serve;
mod worker;
mod yardstick;

fn main() {
    let only: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, port] = &only[..]
        && flag == "--yardstick"
    {
        let port = port.parse().expect("a port");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(yardstick::serve(port)).expect("it serves");
        return;
    }
    if let [flag, port, path, requests] = &only[..]
        && flag == "--load"
    {
        let (port, requests) = (port.parse().expect("a port"), requests.parse().expect("a number"));
        worker::ask_again_and_again(port, path, requests);
        return;
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|given| given == name);
    if wanted("render") {
        render::run();
    }
    if wanted("manifest") {
        manifest::run();
    }
    if wanted("long") {
        long::run();
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
    if wanted("growing") {
        growing::run();
    }
    if wanted("push") {
        push::run();
    }
    if wanted("export") {
        export::run();
    }
    if wanted("worker") {
        worker::run();
    }
    if wanted("worker-latency") {
        worker::latency();
    }
}
