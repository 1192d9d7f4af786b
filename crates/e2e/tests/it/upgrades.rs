//! Another release of the controller, and of what it runs on machines, in the
//! middle of hooks.

use lazuli_e2e::{Lazuli, assert_lawful};

/// Promise: an upgrade of `lazulid` and of the runner in the middle of each
/// kind of hook loses nothing, repeats nothing, and leaves the new runner.
#[test]
fn an_upgrade_lets_hooks_end_and_goes_on_with_the_new_runner() {
    let Some(mut lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    let slow = "slow=install=2 config-changed=2 serve-relation-joined=2 stop=2";
    let recorder = |lazuli: &Lazuli, name: &str, to: &[&str]| {
        let mut line = vec!["deploy", "./charms/recorder", name, "--config", slow];
        line.extend(to);
        lazuli.ok(&line);
    };
    let during = |lazuli: &mut Lazuli, hook: &str| {
        let what = format!("it runs {hook}");
        lazuli.until(&what, |status| {
            let (word, message) = status.agent("back/0");
            word == "executing" && message.starts_with(&format!("running {hook} hook"))
        });
        lazuli.upgrade();
    };
    // Stays on the machine when the other goes, which is then still there to
    // be asked.
    recorder(&lazuli, "keep", &[]);
    recorder(&lazuli, "back", &["--to", "0"]);
    during(&mut lazuli, "install");
    lazuli.until("both are active", |status| status.all_active(2));
    let before = lazuli.supervisor("0").expect("one supervisor");

    lazuli.ok(&["config", "back", "word=new"]);
    during(&mut lazuli, "config-changed");
    lazuli.until("it is calm", |status| {
        status.all_active(2) && lazuli.recorded("0", "back/0").len() == 6
    });
    lazuli.eventually("the new runner is in place of the old one", || {
        lazuli.supervisor("0").is_some_and(|now| now != before)
    });

    recorder(&lazuli, "front", &[]);
    lazuli.until("three are active", |status| status.all_active(3));
    lazuli.ok(&["integrate", "front:use", "back:serve"]);
    during(&mut lazuli, "serve-relation-joined");
    lazuli.until("they are related", |status| {
        let told =
            |line: &String| line.starts_with("use-relation-changed") && line.ends_with("new");
        status.all_active(3) && lazuli.recorded("1", "front/0").iter().any(told)
    });

    lazuli.ok(&["remove-application", "--no-prompt", "back"]);
    during(&mut lazuli, "stop");
    lazuli.until("it is gone", |status| {
        status.unit("back/0").is_none() && status.all_active(2)
    });
    let ran = lazuli.recorded("0", "back/0");
    assert_lawful("back/0", &ran);
    let names: Vec<_> = ran
        .iter()
        .filter_map(|line| line.split(' ').next())
        .filter(|hook| !hook.starts_with("leader-"))
        .collect();
    assert_eq!(
        names,
        [
            "install",
            "mates-relation-created",
            "config-changed",
            "start",
            "config-changed",
            "serve-relation-created",
            "serve-relation-joined",
            "serve-relation-changed",
            "serve-relation-departed",
            "serve-relation-broken",
            "stop",
            "remove",
        ]
    );
}
