//! The bench from beginning to end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use lazuli_api::client::{ModelClient, Options};
use lazuli_api::{Client, Login};
use serde_json::{Map, Value, json};
use url::Url;

use super::changes::{self, Changes};
use super::mux::{Guest, Mux};
use super::one;
use crate::busy;
use crate::report::{self, median, rounded, say};

/// How long machines may take to come up and run their first hooks.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);
/// How long a side goes on before it is the other's turn: whatever else the
/// machine does then befalls both.
const TURN: u64 = 5;
/// Clients at once that are tried for the other side.
const CONCURRENCIES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Hooks per second over many machines, beside `true` over ControlMasters
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The controller
    #[arg(long)]
    server: Url,
    /// A file with the password of `admin`
    #[arg(long)]
    password_file: PathBuf,
    /// The model in which the bench's charm is deployed
    #[arg(long, default_value = "bench")]
    model: String,
    /// The application
    #[arg(long, default_value = "hooks")]
    application: String,
    /// An application of one unit, whose hook and tools are timed
    #[arg(long, default_value = "single")]
    single: String,
    /// One whose charm is written with ops; none: such hooks are not timed
    #[arg(long)]
    ops: Option<String>,
    /// How many units it has, each on a machine of its own
    #[arg(long, default_value_t = 50)]
    units: usize,
    /// Seconds of each side in a round
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The network namespace in which machines can be reached
    #[arg(long)]
    netns: PathBuf,
    /// A private key that the machines accept for `ubuntu`
    #[arg(long)]
    identity: PathBuf,
}

/// What one round gave, per second.
struct Round {
    hooks: f64,
    mux: f64,
}

/// What one unit takes.
struct Single {
    hook: one::Hook,
    tool: one::Tool,
    ops: Option<one::Hook>,
}

impl Single {
    async fn measure(model: &ModelClient, args: &Args) -> anyhow::Result<Self> {
        say("timing one hook and one tool");
        let ops = match &args.ops {
            Some(application) => Some(one::hook(model, application).await?),
            None => None,
        };
        Ok(Self {
            hook: one::hook(model, &args.single).await?,
            tool: one::tool(model, &args.single).await?,
            ops,
        })
    }

    fn table(&self) -> String {
        let row = |what: &str, with: f64, without: f64| {
            vec![
                what.to_owned(),
                format!("{with:.2}"),
                format!("{without:.2}"),
                format!("{:.2}", with / without),
            ]
        };
        let mut rows = vec![
            ["", "ms", "by hand, ms", "ratio"]
                .map(str::to_owned)
                .to_vec(),
            row(
                "a hook, from the request to its outcome; its script",
                self.hook.whole,
                self.hook.by_hand,
            ),
            row(
                "a call of config-get; a script of one line",
                self.tool.tool,
                self.tool.line,
            ),
        ];
        if let Some(ops) = &self.ops {
            rows.push(row(
                "a hook with ops, a dozen tools; loading ops",
                ops.whole,
                ops.by_hand,
            ));
        }
        format!(
            "{}\nof the hook, {:.2} ms went by until its request was answered, and {:.2} ms were added after that",
            report::table(&rows),
            self.hook.answered,
            self.hook.whole - self.hook.answered - self.hook.by_hand,
        )
    }

    fn figures(&self) -> Vec<(&'static str, Value)> {
        let number = |value: f64| json!(rounded(value, 2));
        let mut figures = vec![
            ("hook_ms", number(self.hook.whole)),
            ("hook_request_ms", number(self.hook.answered)),
            ("hook_by_hand_ms", number(self.hook.by_hand)),
            ("ratio_hook", number(self.hook.whole / self.hook.by_hand)),
            ("tool_ms", number(self.tool.tool)),
            ("sh_tool_ms", number(self.tool.line)),
            ("ratio_tool", number(self.tool.tool / self.tool.line)),
        ];
        if let Some(ops) = &self.ops {
            figures.extend([
                ("ops_hook_ms", number(ops.whole)),
                ("ops_import_ms", number(ops.by_hand)),
                ("ratio_ops", number(ops.whole / ops.by_hand)),
            ]);
        }
        figures
    }
}

/// What one side did in its turns.
#[derive(Default)]
struct Tally {
    number: usize,
    took: Duration,
}

impl Tally {
    fn add(&mut self, number: usize, took: Duration) {
        self.number += number;
        self.took += took;
    }

    fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.number).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }
}

/// Measures, and prints.
///
/// # Errors
/// When anything fails, or a hook ran other than exactly once per change.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(
        args.units > 0 && args.seconds > 0 && args.rounds > 0,
        "there is nothing to measure"
    );
    let client = connect(args).await?;
    let model = client.model(&args.model);
    say(&format!("waiting for {} units", args.units));
    let begun = Instant::now();
    let addresses = changes::settled(&model, &args.application, args.units, SETTLES_WITHIN).await?;
    say(&format!(
        "they are idle after {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    for alone in [Some(&args.single), args.ops.as_ref()]
        .into_iter()
        .flatten()
    {
        changes::settled(&model, alone, 1, SETTLES_WITHIN).await?;
    }
    let busy = busy::share().await?;
    say(&format!(
        "the machine is {:.0} % busy before the bench",
        busy * 100.0
    ));
    let single = Single::measure(&model, args).await?;
    let guests: Vec<_> = addresses.into_iter().map(Guest::new).collect();
    let mux = Mux::open(&guests, &args.netns, &args.identity).await?;

    let mut changes = Changes::new(model, &args.application, args.units).await?;
    say("warming up");
    changes.change().await?;
    let before = mux.counts().await?;
    let concurrency = best_concurrency(&mux, args.seconds).await?;

    let (mut rounds, mut changed) = (Vec::new(), 0);
    for number in 1..=args.rounds {
        let mut hooks = Tally::default();
        let mut starts = Tally::default();
        for turn in turns(args.seconds) {
            let done = changes.change_for(turn).await?;
            changed += done.changes;
            hooks.add(done.changes * args.units, done.took);
            let done = mux.start_for(turn, concurrency).await?;
            starts.add(done.number, done.took);
        }
        let round = Round {
            hooks: hooks.per_second(),
            mux: starts.per_second(),
        };
        say(&format!(
            "round {number}: {:.1} hooks/s, {:.1} starts/s",
            round.hooks, round.mux
        ));
        rounds.push(round);
    }
    check_counts(&before, &mux.counts().await?, changed)?;
    mux.close().await;
    print(args, &single, &rounds, changed, concurrency, busy)
}

async fn connect(args: &Args) -> anyhow::Result<Client> {
    let password = std::fs::read_to_string(&args.password_file)
        .with_context(|| format!("failed to read {}", args.password_file.display()))?;
    let client = Client::new(&Options::new(args.server.clone()))?;
    let login = Login {
        user: "admin".to_owned(),
        password: password.trim_end().to_owned(),
        label: Some("bench".to_owned()),
        expires_in: None,
    };
    let token = client.login(&login).await?.token;
    Ok(client.with_token(&token)?)
}

/// The number of clients with which the other side is fastest.
async fn best_concurrency(mux: &Mux, seconds: u64) -> anyhow::Result<usize> {
    let limit = Duration::from_secs((seconds / 8).clamp(1, 3));
    let (mut best, mut fastest) = (1, 0.0);
    for concurrency in CONCURRENCIES {
        if concurrency / 2 >= mux.guests() {
            break;
        }
        let concurrency = concurrency.min(mux.guests());
        let mut starts = Tally::default();
        let done = mux.start_for(limit, concurrency).await?;
        starts.add(done.number, done.took);
        let rate = starts.per_second();
        say(&format!(
            "ControlMasters, {concurrency} clients: {rate:.1} starts/s"
        ));
        if rate > fastest {
            (best, fastest) = (concurrency, rate);
        }
    }
    Ok(best)
}

/// Whether each machine saw exactly one run per change.
fn check_counts(before: &[u64], after: &[u64], changed: usize) -> anyhow::Result<()> {
    for (machine, (before, after)) in before.iter().zip(after).enumerate() {
        let ran = after.saturating_sub(*before);
        if usize::try_from(ran) != Ok(changed) {
            bail!("machine {machine} ran the hook {ran} times for {changed} changes");
        }
    }
    Ok(())
}

/// The turns that make up so many seconds.
fn turns(seconds: u64) -> impl Iterator<Item = Duration> {
    (0..seconds)
        .step_by(usize::try_from(TURN).unwrap_or(1))
        .map(move |begun| Duration::from_secs(TURN.min(seconds - begun)))
}

fn print(
    args: &Args,
    single: &Single,
    rounds: &[Round],
    changed: usize,
    concurrency: usize,
    busy: f64,
) -> anyhow::Result<()> {
    let row = |name: &str, hooks: f64, mux: f64| {
        vec![
            name.to_owned(),
            format!("{hooks:.1}"),
            format!("{mux:.1}"),
            format!("{:.2}", hooks / mux),
        ]
    };
    let mut rows = vec![
        ["round", "hooks/s", "ssh mux starts/s", "ratio"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (number, round) in (1..).zip(rounds) {
        rows.push(row(&format!("{number}"), round.hooks, round.mux));
    }
    let hooks = median(&rounds.iter().map(|round| round.hooks).collect::<Vec<_>>());
    let mux = median(&rounds.iter().map(|round| round.mux).collect::<Vec<_>>());
    rows.push(row("median", hooks, mux));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let table = format!(
        "{}\n{} units, {} s per side and round, {changed} changes, {concurrency} ssh clients at once, {cores} cores\n\
         every unit ran its hook exactly once per change\n\n{}",
        report::table(&rows),
        args.units,
        args.seconds,
        single.table(),
    );
    let object: Map<String, Value> = [
        ("bench", json!("hooks")),
        ("hooks_per_s", json!(rounded(hooks, 1))),
        ("ssh_mux_per_s", json!(rounded(mux, 1))),
        ("ratio_ssh_mux", json!(rounded(hooks / mux, 2))),
        ("units", json!(args.units)),
        ("rounds", json!(args.rounds)),
        ("seconds", json!(args.seconds)),
        ("changes", json!(changed)),
        ("hooks", json!(changed * args.units)),
        ("ssh_clients", json!(concurrency)),
        ("cores", json!(cores)),
        ("busy_before", json!(rounded(busy, 2))),
    ]
    .into_iter()
    .chain(single.figures())
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    Ok(report::print(&table, object)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_make_up_the_time() {
        let seconds = |all| turns(all).map(|turn| turn.as_secs()).collect::<Vec<_>>();
        assert_eq!(seconds(12), [5, 5, 2]);
        assert_eq!(seconds(3), [3]);
    }

    #[test]
    fn each_machine_ran_once_per_change() {
        assert!(check_counts(&[2, 5], &[12, 15], 10).is_ok());
        let error = check_counts(&[2, 5], &[12, 16], 10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "machine 1 ran the hook 11 times for 10 changes"
        );
    }
}
