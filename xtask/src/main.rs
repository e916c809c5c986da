//! Project tasks: `cargo xtask --help`.

mod cloudfront;
mod command;
mod fuzz;
mod infra;
mod lambda;
mod package;
mod test;
mod tools;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use command::cargo;

/// Rimcast's project tasks.
///
/// `cargo xtask test` is what CI runs, and all it runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need, then run every check and every test there is.
    ///
    /// Installs with apt-get what is missing of ffmpeg, chromium, pip, varnish and a font (and says so), with
    /// rustup the targets of Wasm and of Lambda, with npm the player, the Worker's tools and the browser tests, with pip (into
    /// target/) shaka-packager, SeaweedFS, cargo-lambda and what checks Terraform. Then, in this order: formatting, clippy, all
    /// unit, golden, property and simulation tests, a check of the fuzz targets, the Terraform modules, the Worker (built, its
    /// size, and in workerd), S3 and Lambda, the handler of Lambda@Edge, the functions' size, codecs compared with
    /// shaka-packager's, and the end-to-end tests with real ffmpeg and a real browser. Needs Node.js 20 or later with npm. A
    /// tool that is missing fails the run; nothing is skipped.
    Test {
        /// Leave out Terraform, the Worker and the end-to-end tests, which take minutes, and what only they need.
        #[arg(long)]
        quick: bool,
    },
    /// Write the answers of the golden cases anew.
    ///
    /// Read the difference as a viewer's player would before committing it.
    Golden {
        /// Of this case alone: a folder of tests/golden.
        case: Option<String>,
    },
    /// Look for broadcasts that break an invariant, in a simulation.
    ///
    /// A failure prints its seed; `SIM_SEED=… cargo test -p rimcast-tests --test simulation` plays it
    /// again.
    Sim {
        /// How many broadcasts.
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
    },
    /// Look for input that makes the packager panic, with libFuzzer.
    ///
    /// Needs a nightly toolchain and cargo-fuzz. What it finds is in fuzz/artifacts; put a small one
    /// into fuzz/corpus, and the ordinary tests try it ever after.
    Fuzz {
        /// How long, all targets together.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// These targets alone: header, chunk, upload, gate, manifest, request, stored.
        targets: Vec<String>,
    },
    /// Build the Cloudflare Worker: what `wrangler dev` and `wrangler deploy` run first.
    ///
    /// Needs the npm packages of the repository's root (`npm ci`). Installs with cargo what is missing of
    /// worker-build and wasm-bindgen (and says so), which takes minutes the first time.
    Worker,
    /// Build all that Terraform uploads (infra/), in target/package.
    ///
    /// The Worker, the function for Lambda@Edge, and the Lambda functions for arm64. Installs with pip (into target/)
    /// cargo-lambda, and with rustup and cargo what is missing of targets and Wasm tools.
    Package,
    /// Check the Terraform modules alone.
    ///
    /// Installs with pip, into target/, what checks them: checkov, the providers' schemas and, where it is not there,
    /// Terraform itself.
    Infra,
    /// After a deploy: play the part of 50 viewers for a minute, and say what they saw.
    ///
    /// `cargo xtask probe https://HOST/BROADCAST/index.m3u8`, while an encoder pushes. Reports latency,
    /// Cf-Cache-Status, Age, errors, stalls and every rule of HLS that a playlist breaks; fails when there were
    /// errors or breaks. `cargo xtask probe --help` lists its options.
    #[command(disable_help_flag = true)]
    Probe {
        /// The multivariant playlist's URL, and options: --viewers, --seconds, --json.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure, each figure beside a yardstick from the same run.
    Bench {
        /// These benchmarks alone: render, manifest, long, cut, latency, fanout, growing, push, export, worker, worker-latency, lambda.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Test { quick } => test::run(quick),
        Task::Golden { case } => golden(case.as_deref()),
        Task::Sim { seeds } => {
            let tests = [
                "test",
                "--release",
                "--package",
                "rimcast-tests",
                "--test",
                "simulation",
                "--",
                "--nocapture",
            ];
            command::run(cargo(&tests).env("SIM_SEEDS", seeds.to_string()))
        }
        Task::Fuzz { minutes, targets } => fuzz::run_targets(minutes, &targets),
        Task::Worker => worker::build(),
        Task::Package => package::all(),
        Task::Infra => infra::check(),
        Task::Probe { args } => {
            let probe = ["run", "--quiet", "--release", "--package", "rimcast-probe", "--"];
            command::run(cargo(&probe).args(args))
        }
        Task::Bench { names } => bench(&names),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn bench(names: &[String]) -> Result<(), String> {
    if names.is_empty() || names.iter().any(|name| name.starts_with("worker")) {
        worker::build()?;
        worker::build_hello()?;
    }
    command::run(cargo(&["run", "--release", "--package", "rimcast-bench", "--"]).args(names))?;
    if names.is_empty() || names.iter().any(|name| name == "lambda") {
        tools::lambda_tools()?;
        // Beside the function, which it starts, and as that is built.
        let lambda =
            ["bench", "--profile", lambda::PROFILE, "--package", "ingest-lambda", "--features", "lambda"];
        command::run(cargo(&lambda).args(["--bench", "lambda"]))?;
    }
    Ok(())
}

fn golden(case: Option<&str>) -> Result<(), String> {
    let mut tests = cargo(&["test", "--package", "rimcast-tests", "--test", "golden"]);
    tests.env("UPDATE_GOLDEN", "1");
    if let Some(case) = case {
        tests.env("GOLDEN_CASE", case);
    }
    command::run(&mut tests)
}
