use std::fs;
use std::path::PathBuf;

use super::*;

fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let root = std::env::var_os("LAZULI_SHARED")
        .map_or(beside, PathBuf::from)
        .join("charm-metadata");
    root.is_dir().then_some(root)
}

/// Every real charm parses and survives storage; nothing is excepted.
#[test]
fn real_charms_parse() {
    let Some(root) = shared() else {
        println!(
            "skipped: no shared/charm-metadata beside the repository, and LAZULI_SHARED does not name one"
        );
        return;
    };
    let mut directories: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    directories.sort();
    assert!(directories.len() >= 40, "the charms are not all there");
    for directory in directories {
        let name = directory
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let mut files = MapFiles::new();
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            files = files.file(
                &entry.file_name().to_string_lossy(),
                fs::read(entry.path()).unwrap(),
            );
        }
        let charm = Charm::parse(&files, &name).unwrap_or_else(|error| panic!("{error}"));
        let json = serde_json::to_string(&charm).unwrap();
        assert_eq!(
            serde_json::from_str::<Charm>(&json).unwrap(),
            charm,
            "{name}"
        );
        let packed = archive::pack(&files, &name, &archive::Filter::default()).unwrap();
        let unpacked = archive::ZipFiles::open(packed, &archive::Limits::default()).unwrap();
        let again =
            Charm::parse(&unpacked, &name).unwrap_or_else(|error| panic!("packed: {error}"));
        assert_eq!(
            (again.meta, again.config, again.actions),
            (charm.meta, charm.config, charm.actions),
            "{name}"
        );
        assert_eq!(again.manifest, charm.manifest, "{name}");
    }
}

#[test]
fn projects_read_as_what_they_are_packed_to() {
    let text = format!(
        "{META}type: charm\ntitle: The App\nlinks: {{contact: [me], website: 'http://x'}}\nbase: ubuntu@24.04\nplatforms:\n  amd64:\n  arm64:\nconfig:\n  options:\n    on: {{default: 'yes'}}\nactions:\n  go:\nprovides: {{web: http}}\n"
    );
    let files = MapFiles::new()
        .file("charmcraft.yaml", text)
        .executable("src/charm.py", "x");
    let charm = parse(&files);
    assert_eq!(charm.meta.display_name, "The App");
    assert_eq!(charm.meta.maintainers, ["me"]);
    assert_eq!(
        charm.manifest.as_ref().unwrap().bases[0].architectures,
        ["amd64", "arm64"]
    );
    let added = Charm::files_to_add(&files, "").unwrap();
    let shown: Vec<String> = added
        .iter()
        .map(|(name, text)| format!("# {name}\n{text}"))
        .collect();
    assert_eq!(
        shown.concat(),
        "# metadata.yaml\ndescription: d\nname: app\nprovides:\n  web: http\nsummary: s\ndisplay-name: The App\nmaintainers:\n- me\nwebsite: http://x\n\
         # config.yaml\noptions:\n  \"on\":\n    default: \"yes\"\n# actions.yaml\ngo: null\n\
         # manifest.yaml\nbases:\n- architectures:\n  - amd64\n  - arm64\n  channel: \"24.04\"\n  name: ubuntu\n"
    );
    let platforms = format!(
        "{META}platforms: {{'ubuntu@22.04:amd64': , 'ubuntu@22.04:arm64': , 'ubuntu@24.04:amd64': }}\n"
    );
    let charm = parse(&MapFiles::new().file("charmcraft.yaml", platforms));
    assert_eq!(
        charm.manifest.unwrap().bases[0].architectures,
        ["amd64", "arm64"]
    );
    let bad = Charm::parse(
        &MapFiles::new().file("charmcraft.yaml", format!("{META}base: ubuntu\n")),
        "p",
    );
    assert!(
        bad.unwrap_err()
            .to_string()
            .starts_with("p: charmcraft.yaml:4: invalid base \"ubuntu\"")
    );
}

#[test]
fn programs_are_found() {
    let files = MapFiles::new()
        .file("metadata.yaml", META)
        .executable("hooks/install", "#!/bin/sh\n")
        .file("hooks/stop", "")
        .symlink("hooks/start", "install")
        .symlink("hooks/upgrade-charm", "nowhere")
        .file("hooks/lib/helper", "")
        .executable("actions/backup", "")
        .file("revision", " 12\n")
        .file("version", "v1-2-gabc\nmore\n");
    let charm = parse(&files);
    assert_eq!(
        charm.hooks.hooks.keys().collect::<Vec<_>>(),
        ["install", "start", "stop"]
    );
    assert!(
        charm.hooks.hooks["start"].executable,
        "a link counts as its target"
    );
    assert!(!charm.hooks.hooks["stop"].executable);
    assert!(charm.hooks.has_hook("install") && !charm.hooks.has_hook("config-changed"));
    assert!(charm.hooks.has_action("backup") && !charm.hooks.has_action("restore"));
    assert_eq!(
        (charm.revision, charm.version.as_str()),
        (Some(12), "v1-2-gabc")
    );
    let dispatch = parse(&files.executable("dispatch", ""));
    assert!(dispatch.hooks.has_hook("config-changed") && dispatch.hooks.has_action("restore"));
    assert_eq!(
        fault("revision", "many"),
        "revision: expected a number, got \"many\""
    );
}

#[test]
fn links_are_followed_inside_only() {
    let files = MapFiles::new()
        .file("real.yaml", META)
        .symlink("metadata.yaml", "deep/../real.yaml")
        .symlink("deep", ".");
    assert!(
        Charm::parse(&files, "")
            .unwrap_err()
            .to_string()
            .contains("links out of charm"),
        "deep/.. is above the charm, since deep is the charm"
    );
    let files = MapFiles::new()
        .file("real.yaml", META)
        .symlink("metadata.yaml", "./real.yaml");
    assert_eq!(parse(&files).meta.summary, "s");
    let dangling = MapFiles::new().symlink("metadata.yaml", "gone");
    assert_eq!(
        Charm::parse(&dangling, "").unwrap_err().to_string(),
        "metadata.yaml: links to \"gone\", which is not there"
    );
    let around = MapFiles::new()
        .symlink("metadata.yaml", "b")
        .symlink("b", "metadata.yaml");
    assert!(
        Charm::parse(&around, "")
            .unwrap_err()
            .to_string()
            .contains("leads through too many links")
    );
    let absolute = MapFiles::new().symlink("metadata.yaml", "/etc/passwd");
    assert_eq!(
        Charm::parse(&absolute, "").unwrap_err().to_string(),
        "metadata.yaml: symlink \"metadata.yaml\" is absolute: \"/etc/passwd\""
    );
}
