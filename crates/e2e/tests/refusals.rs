//! Bad input: a clear error, the exit code of Juju's commands, and nothing
//! changed.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::fs;
use std::path::{Path, PathBuf};

use lazuli_e2e::{Lazuli, charm};

/// A directory with a charm that a test spoils.
fn spoiled(dir: &Path, name: &str, file: &str, text: &str) -> String {
    let at: PathBuf = dir.join(name);
    fs::create_dir_all(&at).expect("a directory");
    fs::write(
        at.join("metadata.yaml"),
        format!("name: {name}\nsummary: s\ndescription: d\n"),
    )
    .expect("a file");
    fs::write(at.join(file), text).expect("a file");
    at.display().to_string()
}

#[test]
fn bad_input_is_refused_with_the_reason() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let (web, db) = (charm("web"), charm("db"));
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &web]);
    lazuli.ok(&["deploy", &db]);
    lazuli.ok(&["deploy", &db, "other"]);
    lazuli.until("all is active", |status| status.all_active(3));
    let before = lazuli.ok(&["status", "--format", "json"]);

    let metadata = spoiled(
        dir.path(),
        "broken",
        "metadata.yaml",
        "name: broken\nsummary: [\n",
    );
    let config = spoiled(
        dir.path(),
        "options",
        "config.yaml",
        "options:\n  n:\n    type: integer\n",
    );
    let link = spoiled(dir.path(), "link", "x", "");
    std::os::unix::fs::symlink("/etc/passwd", Path::new(&link).join("secret")).expect("a link");
    let cases: &[(&[&str], &[&str])] = &[
        (&["deploy", "./no-such-charm"], &["no-such-charm"]),
        (&["deploy", &metadata], &["metadata.yaml:3: "]),
        (&["deploy", &config], &["config.yaml:3: ", "integer"]),
        (&["deploy", &link], &["secret", "/etc/passwd"]),
        (&["deploy", &web], &["web", "exists"]),
        (&["deploy", &web, "Not_A_Name"], &["Not_A_Name"]),
        (&["deploy", &web, "third", "--to", "99"], &["99"]),
        (
            &[
                "deploy",
                &web,
                "third",
                "--config",
                "word=1",
                "--config",
                "no-such=1",
            ],
            &["no-such"],
        ),
        (
            &["deploy", &web, "third", "--constraints", "cores=many"],
            &["cores", "integer"],
        ),
        (&["config", "nobody"], &["nobody", "not found"]),
        (&["config", "web", "no-such=1"], &["no-such"]),
        (&["add-unit", "nobody"], &["nobody", "not found"]),
        (
            &["remove-unit", "--no-prompt", "web/7"],
            &["web/7", "not found"],
        ),
        (
            &["remove-machine", "--no-prompt", "77"],
            &["77", "not found"],
        ),
        (
            &["remove-machine", "--no-prompt", "0"],
            &["web/0", "--force"],
        ),
        (
            &["remove-application", "--no-prompt", "nobody"],
            &["nobody", "not found"],
        ),
        (&["integrate", "web", "nobody"], &["nobody", "not found"]),
        (&["integrate", "web:db", "db:nothing"], &["nothing"]),
        (&["integrate", "db", "other"], &["no relations found"]),
        (&["ssh", "web/7", "true"], &["web/7", "not found"]),
        (&["resolved", "web/0"], &["web/0", "not in an error state"]),
        (&["add-model", "m"], &["\"m\"", "exists"]),
        (&["add-model", "UPPER"], &["UPPER"]),
        (&["switch", "nowhere"], &["nowhere"]),
        (&["status", "-m", "nowhere"], &["nowhere", "not found"]),
        (
            &["status", "-m", "elsewhere:m"],
            &["elsewhere", "not found"],
        ),
    ];
    let mut wrong = Vec::new();
    for (arguments, words) in cases {
        let said = lazuli.run(arguments);
        let clear = said.err.lines().any(|line| line.starts_with("ERROR "))
            && words.iter().all(|word| said.err.contains(word));
        if said.code != 1 || !clear {
            wrong.push(format!("{arguments:?} (wants {words:?}): {said:?}"));
        }
    }
    let usage = lazuli.run(&["deploy"]);
    if usage.code != 2 {
        wrong.push(format!("deploy without a charm: {usage:?}"));
    }
    let mut stale = lazuli.command(&["status"]);
    let accounts = lazuli.data().join("cli/accounts.yaml");
    let kept = fs::read_to_string(&accounts).expect("accounts");
    let forged = kept.lines().map(|line| match line.split_once("token:") {
        Some((indent, _)) => format!("{indent}token: forged\n"),
        None => format!("{line}\n"),
    });
    fs::write(&accounts, forged.collect::<String>()).expect("accounts");
    let output = stale.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(1) || !text.contains("login") {
        wrong.push(format!("a forged token: {output:?}"));
    }
    fs::write(&accounts, kept).expect("accounts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let strip = |text: &str| {
        let mut document: serde_json::Value = serde_json::from_str(text).expect("JSON");
        document["controller"] = serde_json::Value::Null;
        document.to_string()
    };
    let after = lazuli.ok(&["status", "--format", "json"]);
    assert_eq!(strip(&before), strip(&after));

    // Two endpoints would do: which one has to be said.
    let both = spoiled(
        dir.path(),
        "both",
        "metadata.yaml",
        "name: both\nsummary: s\ndescription: d\nprovides:\n  one: pair\n  two: pair\n",
    );
    lazuli.ok(&["deploy", &both]);
    let (code, error) = (
        lazuli.run(&["integrate", "web", "both"]).code,
        lazuli.run(&["integrate", "web", "both"]).err,
    );
    assert_eq!(code, 1);
    assert!(
        error.contains("ambiguous") && error.contains("both:one") && error.contains("both:two"),
        "{error}"
    );
    lazuli.destroy("m");
}
