//! How big the Worker is, and how long until it answers.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rimcast_tests::live::{free_port, get, root, wait_for};

use super::{js_hello_modules, rimcast_modules, rust_hello_modules};
use crate::measure::{heading, ms, quantile};

/// Starts of each, in turns.
const STARTS: usize = 11;

pub(super) fn size() {
    heading("the Worker's Wasm, gzipped");
    for (name, modules) in [("rimcast", rimcast_modules()), ("Rust hello (yardstick)", rust_hello_modules())]
    {
        let wasm = modules.last().expect("it has modules");
        let packed = Command::new("gzip").args(["-9", "-c"]).arg(wasm).output().expect("gzip is installed");
        assert!(packed.status.success(), "{} is not there", wasm.display());
        println!("{name:<24} {:>6.1} kB", packed.stdout.len() as f64 / 1000.0);
    }
    println!("(aim: at most 300 kB)");
}

/// A workerd of its own, with one Worker and nothing bound to it.
struct Fresh(Child);

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From the start of a workerd process to the first whole answer of the Worker in it.
pub(super) fn start() {
    heading("start to first response: a fresh workerd process with one Worker");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let rimcast = configuration(&folder.path().join("rimcast"), &rimcast_modules());
    let rust = configuration(&folder.path().join("rust"), &rust_hello_modules());
    let js = configuration(&folder.path().join("js"), &js_hello_modules());
    let all = [("rimcast", rimcast), ("Rust hello (yardstick)", rust), ("JavaScript hello (yardstick)", js)];
    let mut times = [const { Vec::<Duration>::new() }; 3];
    for _ in 0..STARTS {
        for ((_, configuration), times) in all.iter().zip(&mut times) {
            times.push(time_to_answer(configuration));
        }
    }
    for ((name, _), times) in all.iter().zip(&mut times) {
        times.sort();
        println!(
            "{name:<30} median {:>9}  slowest {:>9}",
            ms(quantile(times, 0.5)),
            ms(quantile(times, 1.0))
        );
    }
    println!("(aim: at most 250 ms)");
}

fn time_to_answer(configuration: &Path) -> Duration {
    let port = free_port();
    let begun = Instant::now();
    let child = Command::new(root().join("node_modules/.bin/workerd"))
        .arg("serve")
        .arg(configuration)
        .arg(format!("--socket-addr=http=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .spawn()
        .expect("npm packages are installed: npm ci");
    let _fresh = Fresh(child);
    let url = format!("http://127.0.0.1:{port}/healthz");
    wait_for("workerd answers", Duration::from_secs(30), || {
        get(&url).ok().filter(|answer| answer.status == 200)
    });
    begun.elapsed()
}

/// A folder with the modules, and what workerd is to do with them.
fn configuration(folder: &Path, modules: &[PathBuf]) -> PathBuf {
    let from = modules.first().and_then(|main| main.parent()).expect("there is a main module");
    let mut listed = Vec::new();
    for module in modules {
        let name = module.strip_prefix(from).expect("modules are beside the main one");
        let to = folder.join(name);
        std::fs::create_dir_all(to.parent().expect("it is in the folder")).expect("there is room");
        std::fs::copy(module, &to).unwrap_or_else(|why| panic!("{}: {why}", module.display()));
        let (name, kind) = (
            name.display(),
            if module.extension().is_some_and(|e| e == "wasm") { "wasm" } else { "esModule" },
        );
        listed.push(format!("(name = \"{name}\", {kind} = embed \"{name}\")"));
    }
    let text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n\
           services = [(name = \"main\", worker = .main)],\n\
           sockets = [(name = \"http\", http = (), service = \"main\")],\n\
         );\n\
         const main :Workerd.Worker = (modules = [{}], compatibilityDate = \"2026-11-01\");\n",
        listed.join(", ")
    );
    let configuration = folder.join("workerd.capnp");
    std::fs::write(&configuration, text).expect("there is room for a file");
    configuration
}
