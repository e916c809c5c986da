//! Where settings come from, as the program itself sees it.

use std::process::Command;

/// `rimcast serve --check`, with this in the environment, and the lines it printed.
fn check(args: &[&str], environment: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_rimcast"))
        .args(["serve", "--check"])
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the program starts");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_flag_counts_more_than_the_environment_and_that_more_than_the_file() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("rimcast.toml");
    let text = "part_ms = 201\ngap_ms = 201\nsegment_ms = 2001\npush_key = \"from-the-file\"\ntls = true\n";
    std::fs::write(&file, text).expect("there is room");
    let file = file.to_str().expect("a plain path");
    let environment = [
        ("RIMCAST_PART_MS", "202"),
        ("RIMCAST_GAP_MS", "202"),
        ("RIMCAST_TLS", "false"),
        ("RIMCAST_SETTINGS", file),
    ];
    let lines = check(&["--part-ms", "203"], &environment).expect("the settings are good");
    for line in ["part_ms = 203", "gap_ms = 202", "segment_ms = 2001", "window_s = 60", "tls = false"] {
        assert!(lines.iter().any(|is| is == line), "{line} in {lines:?}");
    }
    assert!(!lines.concat().contains("from-the-file"));
}

#[test]
fn what_is_wrong_is_said() {
    for (args, environment, said) in [
        (&["--part-ms", "50"][..], &[][..], "part_ms is 50, but must be between 100 and 2000"),
        (&[], &[("RIMCAST_PART_MS", "many")], "invalid value 'many' for '--part-ms <MS>'"),
        (&["--settings", "/none.toml"], &[], "cannot read the settings file /none.toml"),
        (&["--tls-cert", "a.pem"], &[], "tls_cert is set without tls_key"),
    ] {
        let why = check(args, environment).expect_err("the settings are wrong");
        assert!(why.contains(said), "{why}");
    }
}
