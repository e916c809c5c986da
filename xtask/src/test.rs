//! `cargo xtask test`.

use std::process::Command;
use std::time::{Duration, Instant};

use super::command::{self, cargo};
use super::{infra, lambda, package, tools, worker};

struct Step {
    name: &'static str,
    run: fn() -> Result<(), String>,
}

/// What the tests need, and each check, in the order in which a mistake is cheapest to find.
const STEPS: [Step; 17] = [
    Step { name: "Wasm target", run: tools::wasm_target },
    Step {
        name: "npm packages of the player and the tests",
        run: || tools::npm_packages(&["player", "tests/browser"]),
    },
    Step { name: "xmllint", run: tools::xmllint },
    Step { name: "formatting", run: || command::run(&mut cargo(&["fmt", "--all", "--check"])) },
    Step {
        name: "clippy",
        run: || {
            // Workers are for Wasm, and nothing else.
            let native = ["clippy", "--workspace", "--all-targets"];
            let workers =
                ["clippy", "--package", WORKERS[0], "--package", WORKERS[1], "--target", tools::WASM];
            let strict = ["--", "--deny", "warnings"];
            command::run(without_workers(&native).args(strict))?;
            command::run(cargo(&workers).args(strict))
        },
    },
    Step {
        name: "unit, golden, property and simulation tests",
        run: || command::run(&mut without_workers(&["test", "--workspace"])),
    },
    Step {
        name: "fuzz targets",
        // Their lock file is their own; libFuzzer itself, which is C++, is only needed to run them.
        run: || {
            command::run(&mut cargo(&[
                "check",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--no-default-features",
            ]))
        },
    },
    Step { name: "Terraform modules", run: infra::check },
    Step {
        name: "the Worker and its size",
        run: || {
            tools::npm_packages(&["."])?;
            worker::build()?;
            worker::check_size()
        },
    },
    Step {
        name: "the Worker in workerd",
        run: || {
            let test = [
                "test",
                "--release",
                "--package",
                "rimcast-tests",
                "--test",
                "worker",
                "--test",
                "worker_storage",
            ];
            command::run(cargo(&test).args(["--", "--ignored", "--test-threads=1"]))
        },
    },
    Step {
        name: "Lambda and S3",
        run: || {
            tools::lambda_tools()?;
            let features = ["--package", "ingest-lambda", "--features", "lambda,conformance"];
            let strict = ["--all-targets", "--", "--deny", "warnings"];
            command::run(cargo(&["clippy"]).args(features).args(strict))?;
            let test = ["--lib", "--test", "s3", "--test", "lambda", "--", "--include-ignored"];
            command::run(cargo(&["test", "--release"]).args(features).args(test))
        },
    },
    Step {
        name: "Lambda@Edge's handler, over SeaweedFS",
        run: || {
            package::lambda_edge()?;
            let test = ["test", "--release", "--package", "rimcast-tests", "--test", "cloudfront"];
            command::run(cargo(&test).args(["--", "--ignored"]))
        },
    },
    Step {
        name: "the Lambda functions and their size",
        run: || lambda::build().and_then(|()| lambda::check_size()),
    },
    Step {
        name: "what the end-to-end tests need",
        run: || {
            tools::end_to_end_packages()?;
            tools::shaka_packager()
        },
    },
    Step {
        name: "codecs against shaka-packager",
        run: || {
            let test =
                ["test", "--release", "--package", "rimcast-tests", "--test", "codecs", "--test", "frames"];
            command::run(cargo(&test).args(["--", "--ignored"]))
        },
    },
    Step {
        name: "recordings exported against ffmpeg, verified and repaired, over SeaweedFS too",
        run: || {
            tools::seaweedfs()?;
            // As the unit tests build it.
            let test = ["test", "--workspace", "--test", "shelf"];
            command::run(without_workers(&test).args(["--", "--ignored"]))
        },
    },
    Step {
        name: "end-to-end tests",
        run: || {
            let test = [
                "test",
                "--release",
                "--package",
                "rimcast-tests",
                "--test",
                "end_to_end",
                "--test",
                "encoders",
                "--test",
                "cache",
                "--test",
                "cloudflare",
                "--test",
                "players",
                "--test",
                "push",
                "--test",
                "aws",
                "--test",
                "operator",
                "--test",
                "clips",
            ];
            command::run(cargo(&test).args(["--", "--ignored", "--test-threads=1", "--nocapture"]))
        },
    },
];

const WORKERS: [&str; 2] = ["edge-worker", "hello-worker"];

fn without_workers(args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.args(WORKERS.map(|worker| format!("--exclude={worker}")));
    command
}

/// The steps that `--quick` leaves out, at the end: what needs Terraform, the Worker, Lambda, ffmpeg or a browser.
const END_TO_END_STEPS: usize = 10;

/// Runs all steps, whatever fails, and says in one line how it went.
fn run_steps(quick: bool) -> (usize, Vec<String>) {
    let steps = if quick { &STEPS[..STEPS.len() - END_TO_END_STEPS] } else { &STEPS[..] };
    let mut failures = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n==> {}/{} {}", index + 1, steps.len(), step.name);
        let began = Instant::now();
        let done = (step.run)();
        let took = seconds(began.elapsed());
        match done {
            Ok(()) => println!("==> {} passed in {took}", step.name),
            Err(why) => {
                println!("==> {} FAILED in {took}: {why}", step.name);
                failures.push(format!("{}: {why}", step.name));
            }
        }
    }
    (steps.len() - failures.len(), failures)
}

pub(crate) fn run(quick: bool) -> Result<(), String> {
    let began = Instant::now();
    let (passed, failures) = run_steps(quick);
    println!("\n{passed} passed, {} failed in {}", failures.len(), seconds(began.elapsed()));
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n       ")) }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
