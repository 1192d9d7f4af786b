//! Files for charms, and settings that a refresh takes over.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lazuli_e2e::Lazuli;

/// A charm that says in its status what it finds, with these options.
fn charm(at: &Path, options: &str, mark: &str) -> String {
    fs::create_dir(at).expect("a directory");
    let write = |name: &str, text: &str| fs::write(at.join(name), text).expect("a file");
    write(
        "metadata.yaml",
        "name: keeper\nsummary: s\ndescription: d\nseries: [noble]\nresources:\n  site:\n    \
         type: file\n    filename: site.txt\n    description: the site\n",
    );
    write("config.yaml", &format!("options:\n{options}"));
    write(
        "dispatch",
        &format!(
            "#!/bin/sh\n\
             case $JUJU_DISPATCH_PATH in hooks/upgrade-charm) echo up >> upgrades;; esac\n\
             site=$(resource-get site 2>&1) && site=$(cat \"$site\")\n\
             word=$(config-get word)\n\
             ups=$(wc -l < upgrades 2>/dev/null || echo 0)\n\
             status-set active \"{mark} word=$word ups=$ups site=$site\"\n"
        ),
    );
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(at.join("dispatch"), mode).expect("a mode");
    at.display().to_string()
}

#[test]
fn resources_and_settings_survive_a_refresh_and_change_on_their_own() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let word = "  word: {type: string, default: none}\n";
    let first = charm(
        &at("first"),
        &format!("{word}  old: {{type: int}}\n"),
        "one",
    );
    let second = charm(&at("second"), word, "two");
    let number = "  word: {type: int}\n";
    let third = charm(&at("third"), number, "three");
    let file = |name: &str, text: &str| {
        fs::write(at(name), text).expect("a file");
        at(name).display().to_string()
    };
    let (hello, again) = (file("a.txt", "hello"), file("b.txt", "again"));
    let odd = file("c.tar", "odd");
    lazuli.ok(&["add-model", "m"]);

    // Nobody has given it: the charm is told so, and so is the user.
    lazuli.ok(&[
        "deploy",
        &first,
        "app",
        "--config",
        "word=kept",
        "--config",
        "old=1",
    ]);
    let says = |message: &str| {
        let message = message.to_owned();
        lazuli.until(&message.clone(), move |status| {
            let unit = status.unit("app/0");
            unit.is_some_and(|unit| unit["workload-status"]["message"] == message.as_str())
                && status.agent("app/0").0 == "idle"
        });
    };
    says("one word=kept ups=0 site=ERROR could not download resource: resource#app/site not found");
    lazuli.shows(
        "resources app",
        "
        Resource  Supplied by  Revision
        site  upload  -",
    );

    // What is attached runs upgrade-charm; the same once more does not.
    lazuli.shows(
        &format!("attach-resource app site={odd}"),
        "
        ! ERROR incorrect extension on resource upload \"c.tar\", expected \".txt\"
        [exit 1]",
    );
    lazuli.ok(&["attach-resource", "app", &format!("site={hello}")]);
    says("one word=kept ups=1 site=hello");
    lazuli.ok(&["attach-resource", "app", &format!("site={hello}")]);
    let resources = lazuli.ok(&["resources", "app", "--format", "json"]);
    let resources: serde_json::Value = serde_json::from_str(&resources).expect("a document");
    let site = &resources["resources"][0];
    assert_eq!((&site["size"], &site["used"]), (&5.into(), &true.into()));
    assert_eq!(site["username"], "admin");

    // Settings are taken over, options that vanish are dropped, what the unit
    // made stays, and a resource may come along.
    let site = format!("site={again}");
    let said = lazuli.run(&["refresh", "app", "--path", &second, "--resource", &site]);
    assert!(said.err.contains("no option \"old\""), "{said:?}");
    assert_eq!(said.code, 0, "{said:?}");
    says("two word=kept ups=2 site=again");
    let refused = lazuli.run(&["refresh", "app", "--path", &third]);
    assert_eq!(
        refused.failed(),
        (
            1,
            "ERROR cannot upgrade application \"app\" to charm \"local:keeper-2\": option \"word\" \
             expected int, got \"kept\": set it with --config word=VALUE, or reset it before"
        )
    );
    lazuli.shows(
        &format!("deploy {first} --resource none={hello}"),
        "
        ! Located local charm \"keeper\", revision 0
        ! Uploading resource \"none\": TMP/a.txt
        ! ERROR unrecognized resource \"none\"
        [exit 1]",
    );

    // By name, from the controller's catalogue; one that is nowhere is looked
    // for in the store, which does not answer here.
    let shelf = lazuli.data().join("charms");
    fs::create_dir(&shelf).expect("a directory");
    charm(&shelf.join("keeper"), number, "three");
    lazuli.shows(
        "deploy keeper named --config word=7 -n 0",
        "
        ! Located local charm \"keeper\", revision 2
        ! Deploying \"named\" from local charm \"keeper\", revision 2 on ubuntu@24.04/stable
        ! resource \"site\" is missing: give it with attach-resource named site=FILE",
    );
    lazuli.shows(
        "refresh named",
        "! charm \"local:keeper-2\": already up-to-date",
    );
    let nowhere = lazuli.run(&["deploy", "nothing"]);
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    assert!(
        nowhere
            .err
            .starts_with("ERROR cannot reach the charm store at http://127.0.0.1:9/"),
        "{nowhere:?}"
    );
    lazuli.destroy("m");
}
