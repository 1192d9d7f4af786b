//! Storage that outlives its unit, from the command line.

use lazuli_e2e::Lazuli;

fn storage(cli: &Lazuli) -> serde_json::Value {
    serde_json::from_str(&cli.ok(&["storage", "--format", "json"])).unwrap_or_default()
}

fn word(cli: &Lazuli, id: &str) -> String {
    let all = storage(cli);
    let status = &all["storage"][id]["status"]["current"];
    status.as_str().unwrap_or_default().to_owned()
}

/// Checklist 25: storage-attached before install, with its variables; content
/// survives a reboot, the removal of the unit, and goes to the next one.
#[test]
fn storage_outlives_its_unit_until_it_is_destroyed() {
    let Some(cli) = Lazuli::start() else { return };
    cli.ok(&["add-model", "boxes"]);
    cli.ok(&[
        "deploy",
        "../../charms/filebox",
        "--storage",
        "files=azure,1G",
    ]);
    cli.until("it is active", |status| status.all_active(1));
    assert_eq!(
        cli.file("0", "/var/log/filebox"),
        "attached files/0 filesystem /srv/filebox\ninstall\n"
    );
    cli.shows(
        "storage",
        "
        Unit  Storage ID  Type  Pool  Size  Status  Message
        filebox/0  files/0  filesystem  azure  1.0 GiB  attached",
    );
    assert_eq!(cli.inventory("Microsoft.Compute/disks").len(), 2);
    cli.ok(&["ssh", "0", "echo kept | sudo tee /srv/filebox/note"]);

    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = cli.ok(&["ssh", "0", boot]);
    // The connection is cut.
    cli.run(&["ssh", "0", "sudo reboot"]);
    cli.eventually("it is mounted again", || {
        let read = format!("{boot} && cat /srv/filebox/note");
        let said = cli.run(&["ssh", "0", &read]).out;
        !said.starts_with(&before) && said.ends_with("\nkept\n")
    });

    cli.ok(&["remove-unit", "--no-prompt", "filebox/0"]);
    cli.until("the unit and its machine are gone", |status| {
        status.units().count() == 0 && status.machines().count() == 0
    });
    cli.eventually("it is detached", || word(&cli, "files/0") == "detached");
    assert_eq!(cli.inventory("Microsoft.Compute/disks").len(), 1);

    cli.ok(&["add-unit", "filebox", "--attach-storage", "files/0"]);
    cli.until("the next unit is active", |status| status.all_active(1));
    assert_eq!(cli.ok(&["ssh", "1", "cat /srv/filebox/note"]), "kept\n");
    cli.shows(
        "remove-storage files/0",
        "
        ! ERROR storage \"files/0\" is attached: use the --force option to remove attached storage
        [exit 1]",
    );
    let refused = cli.run(&["destroy-model", "boxes", "--no-prompt"]);
    assert_eq!(refused.failed().0, 1);
    assert!(refused.err.contains("--destroy-storage"), "{refused:?}");

    cli.ok(&["add-storage", "filebox/1", "extra=azure,1G"]);
    cli.eventually("more is attached", || word(&cli, "extra/1") == "attached");
    cli.ok(&["detach-storage", "extra/1"]);
    cli.eventually("it is detached", || word(&cli, "extra/1") == "detached");
    cli.ok(&["remove-storage", "extra/1"]);
    cli.eventually("it is gone", || word(&cli, "extra/1").is_empty());

    cli.ok(&[
        "remove-unit",
        "--no-prompt",
        "--destroy-storage",
        "filebox/1",
    ]);
    cli.eventually("its storage is gone", || word(&cli, "files/0").is_empty());
    cli.until("its machine is gone", |status| {
        status.machines().count() == 0
    });
    assert!(cli.inventory("Microsoft.Compute/disks").is_empty());
    cli.destroy("boxes");
}

#[test]
fn storage_of_the_machine_goes_with_its_unit() {
    let Some(cli) = Lazuli::start() else { return };
    cli.ok(&["add-model", "boxes"]);
    cli.ok(&["add-machine"]);
    cli.ok(&["deploy", "../../charms/filebox", "--to", "0"]);
    cli.until("it is active", |status| status.all_active(1));
    assert_eq!(
        storage(&cli)["storage"]["files/0"]["persistent"],
        serde_json::Value::Bool(false)
    );
    cli.ok(&["ssh", "0", "sudo touch /srv/filebox/note"]);
    assert_eq!(
        cli.run(&["detach-storage", "files/0"]).failed(),
        (
            1,
            "ERROR cannot detach storage \"files/0\": storage is not detachable"
        )
    );
    cli.ok(&["remove-application", "--no-prompt", "filebox"]);
    cli.until("it is gone", |status| status.units().count() == 0);
    cli.eventually("its storage is gone", || word(&cli, "files/0").is_empty());
    assert_eq!(cli.ok(&["ssh", "0", "ls /srv/filebox"]), "");
    cli.destroy("boxes");
}

#[test]
fn a_disk_that_there_is_already_is_copied_and_left_alone() {
    let Some(cli) = Lazuli::start() else { return };
    cli.ok(&["add-model", "boxes"]);
    let with_disk = ["--storage", "files=azure,1G"];
    let deploy = ["deploy", "../../charms/filebox", "first"];
    cli.ok(&[deploy.as_slice(), &with_disk].concat());
    cli.until("it is active", |status| status.all_active(1));
    cli.ok(&["ssh", "0", "echo mine | sudo tee /srv/filebox/note && sync"]);
    cli.ok(&["remove-unit", "--no-prompt", "first/0"]);
    cli.eventually("it is detached", || word(&cli, "files/0") == "detached");
    let disks = cli.inventory("Microsoft.Compute/disks");
    let mine = cli.sql("select cloud_id from effects where name like 'volume-%'");
    let mine = mine.trim();

    for (words, expected) in [
        (
            ["rootfs", mine, "files"],
            "importing filesystem with storage provider \"rootfs\" not supported",
        ),
        (
            ["azure", "disk-1", "files"],
            "\"disk-1\" is not the id of a disk or a snapshot",
        ),
        (["gold", mine, "files"], "pool \"gold\" not found"),
    ] {
        let refused = cli.run(&[&["import-filesystem"], words.as_slice()].concat());
        let (code, said) = refused.failed();
        assert!(code == 1 && said.contains(expected), "{refused:?}");
    }
    let said = cli.run(&["import-filesystem", "azure", mine, "files"]);
    assert!(said.err.ends_with("imported storage files/1\n"), "{said:?}");
    assert_eq!(word(&cli, "files/1"), "detached");
    cli.ok(&["add-unit", "first", "--attach-storage", "files/1"]);
    cli.until("it is active", |status| status.all_active(1));
    assert_eq!(cli.ok(&["ssh", "1", "cat /srv/filebox/note"]), "mine\n");
    cli.ok(&["ssh", "1", "echo changed | sudo tee /srv/filebox/note"]);
    // The unit's own disk beside that of the machine, and the user's.
    assert_eq!(cli.inventory("Microsoft.Compute/disks").len(), 3);

    cli.ok(&["remove-unit", "--no-prompt", "--destroy-storage", "first/1"]);
    cli.eventually("its copy is gone", || word(&cli, "files/1").is_empty());
    cli.eventually("the disk is still there", || {
        cli.inventory("Microsoft.Compute/disks") == disks
    });
    cli.ok(&["add-unit", "first", "--attach-storage", "files/0"]);
    cli.until("it is active", |status| status.all_active(1));
    assert_eq!(cli.ok(&["ssh", "2", "cat /srv/filebox/note"]), "mine\n");

    // What is not there is said by the cloud.
    let gone = mine.replace("/disks/", "/disks/not-");
    cli.ok(&["import-filesystem", "azure", &gone, "files"]);
    cli.ok(&["add-unit", "first", "--attach-storage", "files/2"]);
    cli.eventually("the cloud's words are shown", || {
        let status = cli.ok(&["status", "--format", "json"]);
        let storage = cli.ok(&["storage", "--format", "json"]);
        format!("{status}{storage}").contains("not found")
    });
    cli.ok(&[
        "destroy-model",
        "boxes",
        "--no-prompt",
        "--destroy-storage",
        "--force",
    ]);
    cli.assert_no_cloud();
}
