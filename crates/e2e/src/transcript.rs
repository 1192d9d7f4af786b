//! What a command says, as a text to compare: stdout as it is, then each line
//! of stderr after `! `, then the exit code unless it is 0.
//!
//! What differs from run to run (times, ids, addresses, keys) is replaced by a
//! word, and runs of blanks within a line by two, since columns are as wide as
//! such words.

use std::sync::LazyLock;

use regex::Regex;

use crate::Said;

static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "UUID",
        ),
        (r"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\dZ", "TIME"),
        (r"\b\d\d:\d\d:\d\dZ?", "TIME"),
        (r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC"),
        (r"\b10\.\d+\.\d+\.\d+\b", "ADDRESS"),
        (r"cores=\d+ mem=\d+M", "cores=N mem=NM"),
        (r"/var/tmp/lazuli-e2e-\w+", "DIR"),
        (r"/tmp/\.tmp\w+", "TMP"),
        (r"(?m)[ \t]+$", ""),
        (r"(\S)   +", "$1  "),
    ]
    .map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word))
    .into()
});

/// What was said, without what differs from run to run.
fn transcript(said: &Said) -> String {
    let mut text = steady(&said.out);
    for line in steady(&said.err).lines() {
        // Blanks at ends of lines are nobody's business.
        text.push_str(format!("! {line}").trim_end());
        text.push('\n');
    }
    if said.code != 0 {
        let exit = format!("[exit {}]\n", said.code);
        text.push_str(&exit);
    }
    text.trim_end().to_owned()
}

fn steady(text: &str) -> String {
    CHANGING
        .iter()
        .fold(text.to_owned(), |text, (pattern, word)| {
            pattern.replace_all(&text, *word).into_owned()
        })
}

/// Compares what was said with what should have been. The indentation of
/// `expected` does not count.
#[track_caller]
pub(crate) fn compare(line: &str, said: &Said, expected: &str) {
    let transcript = transcript(said);
    let expected = unindent(expected);
    assert!(
        transcript == expected,
        "lazuli {line}\nsaid:\n{transcript}\ninstead of:\n{expected}"
    );
}

fn unindent(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .skip_while(|line| line.trim().is_empty())
        .collect();
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default().trim_end())
        .collect::<Vec<_>>()
        .join("\n")
        .trim_end()
        .to_owned()
}
