//! `kill -9` of the controller at any moment: whatever it was at, it ends as
//! an undisturbed run does. The same machines, and every hook ran once.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use lazuli_e2e::{Lazuli, Status, assert_lawful, essence};

/// Hooks that take a moment, so that many a kill falls into one.
const SLOW: &str = "slow=install=0.2 start=0.2 use-relation-joined=0.2 serve-relation-changed=0.2 \
                    mates-relation-joined=0.2 serve-relation-departed=0.3 stop=0.3";

/// What units ran, in any order.
type History = BTreeMap<String, Vec<String>>;

/// When the controller is killed: drawn from a seed, or never.
struct Kills {
    state: u64,
    /// How often for each step.
    each: usize,
}

impl Kills {
    fn never() -> Self {
        Self { state: 0, each: 0 }
    }

    fn of(seed: u64) -> Self {
        Self {
            state: seed,
            each: 2,
        }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Kills and starts it, each time a moment after it is ready.
    fn strike(&mut self, lazuli: &mut Lazuli) {
        for _ in 0..self.each {
            let moment = Duration::from_millis(self.next() % 900);
            std::thread::sleep(moment);
            lazuli.kill();
            lazuli.resume();
        }
    }
}

/// Who leads depends on who was up first: that each unit was told once before
/// it was configured is what counts.
fn without_leadership(unit: &str, hooks: Vec<String>) -> Vec<String> {
    let is_told = |hook: &&String| hook.starts_with("leader-");
    let early = hooks
        .iter()
        .take_while(|hook| !hook.starts_with("config-changed"));
    assert_eq!(early.filter(is_told).count(), 1, "{unit}: {hooks:#?}");
    let elected = |hook: &&String| *hook == "leader-elected leader=True";
    assert!(
        hooks.iter().filter(elected).count() <= 1,
        "{unit}: {hooks:#?}"
    );
    let others = hooks.into_iter().filter(|hook| !is_told(&hook));
    others
        .map(|hook| match hook.split_once(" leader=") {
            Some((hook, _)) => hook.to_owned(),
            None => hook,
        })
        .collect()
}

/// A short life of two related applications in a model of its own.
fn live(lazuli: &mut Lazuli, model: &str, kills: &mut Kills) -> History {
    let recorder = |name: &str, more: &[&str], lazuli: &Lazuli| {
        let mut line = vec!["deploy", "./charms/recorder", name, "--config", SLOW];
        line.extend(more);
        lazuli.ok(&line);
    };
    lazuli.ok(&["add-model", model]);
    // Its machine outlives its other units: what they ran stays readable.
    recorder("keep", &[], lazuli);
    recorder("back", &["-n", "2", "--to", "0,new"], lazuli);
    kills.strike(lazuli);
    recorder("front", &["-n", "2"], lazuli);
    lazuli.ok(&["integrate", "front:use", "back:serve"]);
    kills.strike(lazuli);
    lazuli.until("all are active", |status| status.all_active(5));

    lazuli.ok(&["config", "front", "word=new"]);
    kills.strike(lazuli);
    lazuli.eventually("all know the new word", || {
        [("0", "back/0"), ("1", "back/1")]
            .iter()
            .all(|(machine, unit)| {
                let hooks = lazuli.recorded(machine, unit);
                ["front/0", "front/1"].iter().all(|remote| {
                    let told = |line: &String| {
                        line.starts_with("serve-relation-changed")
                            && line.contains(&format!(" remote={remote} "))
                            && line.ends_with(" word=new")
                    };
                    hooks.iter().any(told)
                })
            })
    });
    lazuli.until("all are calm", |status| status.all_active(5));

    lazuli.ok(&["remove-unit", "--no-prompt", "back/0"]);
    lazuli.ok(&["add-unit", "front"]);
    kills.strike(lazuli);
    let is_over = |status: &Status| {
        status.unit("back/0").is_none() && status.machines().count() == 5 && status.all_active(5)
    };
    lazuli.until("one went, one came", is_over);
    let leads = |status: &Status| {
        status
            .unit("back/1")
            .is_some_and(|unit| unit["leader"] == true)
    };
    lazuli.until("another one leads", |status| {
        leads(status) && is_over(status)
    });

    let mut machines = lazuli.inventory("Microsoft.Compute/virtualMachines");
    machines.sort();
    assert_eq!(machines, ["m-0-g1", "m-1-g1", "m-2-g1", "m-3-g1", "m-4-g1"]);
    let places = [
        ("0", "keep/0"),
        ("0", "back/0"),
        ("1", "back/1"),
        ("2", "front/0"),
        ("3", "front/1"),
        ("4", "front/2"),
    ];
    let history = places.map(|(machine, unit)| {
        let hooks = lazuli.recorded(machine, unit);
        assert_lawful(unit, &hooks);
        let mut ran = without_leadership(unit, essence(&hooks));
        ran.sort();
        (unit.to_owned(), ran)
    });

    let mut destroy = lazuli.command(&["destroy-model", "--no-prompt", model]);
    let mut destroy = destroy
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("lazuli starts");
    lazuli.until("the model is being destroyed", |status| {
        status.0["model"]["model-status"]["current"] == "destroying"
    });
    kills.strike(lazuli);
    // The command may have seen the controller go.
    drop(destroy.kill());
    destroy.wait().expect("an end");
    lazuli.eventually("the model is gone", || {
        let models = lazuli.run(&["models", "--format", "json"]);
        models.code == 0 && !models.out.contains(&format!("\"admin/{model}\""))
    });
    lazuli.assert_no_cloud();
    history.into()
}

fn assert_same(seeds: impl IntoIterator<Item = u64>) {
    let Some(mut lazuli) = Lazuli::start() else {
        return;
    };
    let undisturbed = live(&mut lazuli, "undisturbed", &mut Kills::never());
    for seed in seeds {
        eprintln!("seed {seed}");
        let disturbed = live(&mut lazuli, &format!("seed-{seed}"), &mut Kills::of(seed));
        assert_eq!(disturbed, undisturbed, "seed {seed}");
    }
}

#[test]
fn killed_at_any_moment_it_ends_as_if_it_had_not_been() {
    assert_same([1, 2]);
}

#[test]
#[ignore = "slow: many more moments"]
fn killed_at_many_more_moments_it_ends_as_if_it_had_not_been() {
    assert_same(3..=15);
}
