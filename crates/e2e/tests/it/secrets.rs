//! Secrets from the command line and from charms: granted over a relation,
//! read, changed, revoked; and nowhere to be found in clear.

use std::cell::Cell;

use lazuli_e2e::Lazuli;

/// A model in which `owner` and `reader` are related, on machine 0.
struct Keepers {
    lazuli: Lazuli,
    asked: Cell<u32>,
}

impl Keepers {
    fn start() -> Option<Self> {
        let lazuli = Lazuli::start()?;
        lazuli.ok(&["add-model", "m"]);
        lazuli.ok(&["deploy", "./charms/recorder", "keep"]);
        lazuli.ok(&[
            "deploy",
            "./charms/confidant",
            "owner",
            "-n",
            "2",
            "--to",
            "0,0",
        ]);
        lazuli.ok(&["deploy", "./charms/confidant", "reader", "--to", "0"]);
        lazuli.ok(&["integrate", "owner:give", "reader:take"]);
        lazuli.until("all are active", |status| status.all_active(4));
        let asked = Cell::new(0);
        Some(Self { lazuli, asked })
    }

    /// What a script says in a hook of the application's unit 0, with its exit
    /// code.
    #[track_caller]
    fn in_hook(&self, application: &str, script: &str) -> String {
        self.asked.set(self.asked.get() + 1);
        let mark = format!("# {}", self.asked.get());
        let setting = format!("script={mark}\n{script}");
        self.lazuli.ok(&["config", application, &setting]);
        let path = format!("/var/log/hooks/said-{application}-0");
        let said = || self.lazuli.file("0", &path);
        self.lazuli.eventually("the script ran", || {
            said().lines().last() == Some(mark.as_str())
        });
        let all = said();
        let text = all.trim_end().strip_suffix(&mark).unwrap_or(&all);
        text.to_owned()
    }

    fn recorded(&self, unit: &str) -> Vec<String> {
        self.lazuli.recorded("0", unit)
    }

    /// How often a secret's hook ran, which is waited for once.
    fn saw(&self, unit: &str, line: &str) -> usize {
        let count = || {
            let lines = self.recorded(unit);
            lines.iter().filter(|seen| *seen == line).count()
        };
        self.lazuli.eventually(line, || count() > 0);
        count()
    }

    /// The relation's number for the owner.
    fn settled(&self) {
        self.lazuli.until("all are idle", |status| {
            status
                .units()
                .all(|(name, _)| status.agent(name).0 == "idle")
        });
    }
}

/// Text, and what it becomes in base64, as it must not be found in clear.
/// (`canary-one` and the like are put together in the scripts, which are
/// configuration.)
const CANARIES: [&str; 6] = [
    "canary-one",
    "Y2FuYXJ5LW9uZ",
    "canary-two",
    "Y2FuYXJ5LXR3b",
    "canary-user",
    "Y2FuYXJ5LXVzZX",
];

#[test]
fn a_secret_is_granted_read_changed_and_revoked() {
    let Some(keepers) = Keepers::start() else {
        return;
    };
    let lazuli = &keepers.lazuli;

    // The owner makes one and grants it over the relation.
    let said = keepers.in_hook(
        "owner",
        "id=$(secret-add --label=db --description=d token=$(printf %s-%s canary one))\n\
         secret-grant \"$id\" -r $(relation-ids give)\n\
         echo $id\n\
         secret-get $id",
    );
    let uri = said.lines().next().unwrap_or_default().to_owned();
    let id = uri.strip_prefix("secret:").unwrap_or_default().to_owned();
    assert_eq!(id.len(), 20, "{said}");
    assert_eq!(said, format!("{uri}\ntoken: canary-one\nexit 0\n"));
    let listed = lazuli.ok(&["secrets", "--format=json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("json");
    assert_eq!(listed[&id]["owner"], "owner");
    assert_eq!(listed[&id]["label"], "db");
    assert_eq!(listed[&id]["created"], listed[&id]["updated"]);

    // The reader reads, and may not change.
    let read = keepers.in_hook(
        "reader",
        &format!("secret-get {uri} --label=mine --format=json\nsecret-set {uri} token=x"),
    );
    assert_eq!(
        read,
        format!("{{\"token\":\"canary-one\"}}\nERROR secret {id:?} not found\nexit 1\n")
    );

    // A new revision is told once; it is read when that is asked for.
    keepers.in_hook(
        "owner",
        &format!("secret-set {uri} token=$(printf %s-%s canary two)"),
    );
    let changed = format!("secret-changed {uri} label=mine revision=none");
    assert_eq!(keepers.saw("reader/0", &changed), 1);
    let read = keepers.in_hook(
        "reader",
        "secret-get --label=mine token\n\
         secret-get --label=mine token --peek\n\
         secret-get --label=mine token\n\
         secret-get --label=mine token --refresh\n\
         secret-get --label=mine token",
    );
    assert_eq!(
        read,
        "canary-one\ncanary-two\ncanary-one\ncanary-two\ncanary-two\nexit 0\n"
    );
    let removed = format!("secret-remove {uri} label=db revision=1");
    let leads = keepers.saw("owner/0", &removed);
    assert_eq!(leads, 1);
    keepers.settled();
    assert_eq!(keepers.saw("reader/0", &changed), 1);
    let other = keepers.recorded("owner/1");
    assert!(
        !other.iter().any(|line| line.starts_with("secret-")),
        "{other:?}"
    );

    // What the owner knows of it.
    let info = keepers.in_hook("owner", "secret-ids\nsecret-info-get --label=db");
    let access = "  access:\n  - target: application-reader\n    scope: relation-owner.give#reader.take\n    role: view\n";
    assert_eq!(
        info,
        format!(
            "{id}\n{id}:\n  revision: 2\n  label: db\n  owner: application\n  description: d\n{access}exit 0\n"
        )
    );
    let shown = lazuli.ok(&["show-secret", &uri, "--reveal", "--format=json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
    assert_eq!(shown[&id]["content"]["Data"]["token"], "canary-two");

    // A hook that fails writes nothing; one that expires is removed.
    let failed = keepers.in_hook(
        "owner",
        "secret-add --owner=unit --expire=1s --label=short abc=x",
    );
    let short = failed.lines().next().unwrap_or_default();
    let expired = format!("secret-expired {short} label=short revision=1");
    assert_eq!(keepers.saw("owner/0", &expired), 1);

    // Revoked: no longer.
    keepers.in_hook("owner", &format!("secret-revoke {uri} --app reader"));
    let denied = keepers.in_hook("reader", "secret-get --label=mine");
    assert_eq!(denied, "ERROR permission denied\nexit 1\n");

    // In clear it is nowhere, on this side or on the machine's.
    assert_nowhere(&keepers);

    // It goes with its owner.
    lazuli.ok(&["remove-application", "owner", "--no-prompt"]);
    lazuli.until("the owner is gone", |status| {
        !status.units().any(|(name, _)| name.starts_with("owner/"))
    });
    lazuli.eventually("its secrets are gone", || {
        lazuli.sql("select count(*) from secret_revisions") == "0"
    });
    let gone = keepers.in_hook("reader", &format!("secret-get {uri}"));
    assert_eq!(gone, format!("ERROR secret {id:?} not found\nexit 1\n"));
    lazuli.destroy("m");
}

/// Not in any table (events among them), not in the daemon's log, not in the
/// records that the machine keeps of hooks.
fn assert_nowhere(keepers: &Keepers) {
    let lazuli = &keepers.lazuli;
    let tables = lazuli.sql(
        "select table_name from information_schema.tables \
         where table_schema = 'public' and table_type = 'BASE TABLE'",
    );
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for canary in CANARIES {
        for table in tables.lines() {
            let count = lazuli.sql(&format!(
                "select count(*) from {table} t \
                 where t::text like '%{canary}%' or t::text like '%{}%'",
                hex(canary)
            ));
            assert_eq!(count, "0", "{canary} in {table}");
        }
        assert!(!lazuli.log().contains(canary), "{canary} in the log");
    }
    let records = keepers.in_hook(
        "reader",
        "grep -rlaE \"$(printf %s- canary)(one|two|user)|Y2FuYXJ5L[WX][9RV]\" \
         /var/lib/lazuli /run/lazuli || true",
    );
    assert_eq!(records, "exit 0\n");
}

#[test]
fn a_users_secret_is_a_setting_of_who_may_read_it() {
    let Some(keepers) = Keepers::start() else {
        return;
    };
    let lazuli = &keepers.lazuli;
    let uri = lazuli.ok(&["add-secret", "token", "key=canary-user", "--info", "i"]);
    let uri = uri.trim();
    let id = uri.strip_prefix("secret:").unwrap_or_default();
    assert_eq!(id.len(), 20, "{uri}");
    let again = lazuli.run(&["add-secret", "token", "key=x"]);
    assert_eq!(
        again.failed(),
        (1, "ERROR secret with name \"token\" already exists")
    );
    let listed = lazuli.ok(&["secrets"]);
    assert!(listed.starts_with("ID "), "{listed}");
    assert!(
        listed.contains("  token  <model>  never            1  "),
        "{listed}"
    );

    // As a setting it has to be there, and is readable once it is granted.
    let unknown = lazuli.run(&["config", "reader", "token=secret:9m4e2mr0ui3e8a215n4g"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("not found"), "{unknown:?}");
    lazuli.ok(&["config", "reader", &format!("token={uri}")]);
    let script = "config-get token\nsecret-get $(config-get token) key";
    let denied = keepers.in_hook("reader", script);
    assert_eq!(denied, format!("{uri}\nERROR permission denied\nexit 1\n"));
    lazuli.ok(&["grant-secret", "token", "reader"]);
    let read = keepers.in_hook("reader", script);
    assert_eq!(read, format!("{uri}\ncanary-user\nexit 0\n"));
    let shown = lazuli.ok(&["show-secret", "token", "--format=json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("json");
    assert_eq!(shown[id]["access"][0]["target"], "application-reader");
    assert_eq!(shown[id]["access"][0]["role"], "view");
    assert_eq!(shown[id]["name"], "token");
    assert_eq!(shown[id].get("content"), None);

    // A new revision is told; what nobody reads any more goes by itself.
    lazuli.ok(&[
        "update-secret",
        "token",
        "key=new",
        "--auto-prune",
        "--name=other",
    ]);
    let changed = format!("secret-changed {uri} label= revision=none");
    assert_eq!(keepers.saw("reader/0", &changed), 1);
    let read = keepers.in_hook(
        "reader",
        &format!("secret-get {uri} key\nsecret-get {uri} key --refresh"),
    );
    assert_eq!(read, "canary-user\nnew\nexit 0\n");
    lazuli.eventually("the old revision is gone", || {
        lazuli.sql("select revision from secret_revisions") == "2"
    });
    assert_nowhere(&keepers);

    // Taken back, and removed.
    lazuli.ok(&["revoke-secret", "other", "reader"]);
    assert_eq!(
        keepers.in_hook("reader", &format!("secret-get {uri}")),
        "ERROR permission denied\nexit 1\n"
    );
    lazuli.ok(&["remove-secret", "other"]);
    let gone = lazuli.run(&["show-secret", "other"]);
    assert_eq!(gone.failed(), (1, "ERROR secret \"other\" not found"));

    lazuli.ok(&["config", "reader", "--reset", "token"]);

    // The cloud's credential is for those who are trusted alone.
    let refused = keepers.in_hook("reader", "credential-get");
    assert_eq!(refused, "ERROR cannot access cloud credentials\nexit 1\n");
    lazuli.ok(&["trust", "reader", "--scope=cluster"]);
    let given = keepers.in_hook("reader", "credential-get --format=json | cut -c1-40");
    assert!(given.starts_with("{\"credential\":{\"attrs\":{"), "{given}");
    lazuli.ok(&["trust", "reader", "--remove"]);
    let refused = keepers.in_hook("reader", "credential-get");
    assert_eq!(refused, "ERROR cannot access cloud credentials\nexit 1\n");
    lazuli.destroy("m");
}
