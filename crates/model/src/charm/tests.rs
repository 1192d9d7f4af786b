use std::fs;
use std::path::PathBuf;

use super::*;
use crate::config::{ConfigValue, OptionType};
use crate::names::{EndpointName, StorageName};

const META: &str = "name: app\nsummary: s\ndescription: d\n";

fn parse(files: &MapFiles) -> Charm {
    Charm::parse(files, "").unwrap_or_else(|error| panic!("{error}"))
}

/// A charm of which one file is as given, the rest good.
fn with(file: &str, text: &str) -> MapFiles {
    MapFiles::new().file("metadata.yaml", META).file(file, text)
}

fn fault(file: &str, text: &str) -> String {
    match Charm::parse(&with(file, text), "") {
        Ok(charm) => panic!("{text:?} was taken as {charm:?}"),
        Err(error) => error.to_string(),
    }
}

fn meta_fault(rest: &str) -> String {
    fault("metadata.yaml", &format!("{META}{rest}"))
}

fn endpoint(charm: &Charm, name: &str) -> Endpoint {
    charm
        .metadata
        .endpoint(&name.parse().unwrap())
        .unwrap()
        .clone()
}

fn store(charm: &Charm, name: &str) -> StorageSpec {
    charm.metadata.storage[&name.parse::<StorageName>().unwrap()].clone()
}

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
            (again.metadata, again.config, again.actions),
            (charm.metadata, charm.config, charm.actions),
            "{name}"
        );
        assert_eq!(again.manifest, charm.manifest, "{name}");
    }
}

#[test]
fn metadata_has_its_fields() {
    let text = r#"
name: app
summary: s
description: d
display-name: The App
maintainer: A <a@example.com>
tags: [one]
categories: [two]
subordinate: yes
provides:
  web: http
requires:
  db: {interface: mysql, limit: 1, optional: true}
  host: {interface: juju-info, scope: container}
peers:
  cluster: {interface: peers}
extra-bindings:
  public:
storage:
  data: {type: filesystem, location: /srv/data, multiple: {range: 0-2}, minimum-size: 1.5G, properties: [transient]}
  logs: {type: filesystem}
  disk: {type: block, multiple: {range: 3+}, shared: true, read-only: true}
devices:
  gpu: {type: nvidia.com/gpu, countmin: 1, countmax: 2}
resources:
  blob: {type: file, filename: blob.bin, description: x}
  image: {type: oci-image}
assumes:
- juju >= 3.1
- any-of: [juju < 2, {all-of: [juju >= 3, juju < 5]}]
terms: [lazuli/eula/1]
"#;
    let charm = parse(&MapFiles::new().file("metadata.yaml", text));
    let metadata = &charm.metadata;
    assert!(metadata.subordinate);
    assert_eq!(metadata.display_name, "The App");
    assert_eq!(metadata.maintainers, ["A <a@example.com>"]);
    assert_eq!(metadata.tags.iter().collect::<Vec<_>>(), ["one", "two"]);
    let db = endpoint(&charm, "db");
    assert_eq!(
        (db.role, db.limit, db.optional, db.scope),
        (Role::Requirer, Some(1), true, Scope::Global)
    );
    assert_eq!(endpoint(&charm, "web").interface, "http");
    assert_eq!(endpoint(&charm, "host").scope, Scope::Container);
    assert_eq!(endpoint(&charm, "juju-info"), *JUJU_INFO, "implicit");
    assert_eq!(
        metadata
            .peers()
            .map(|(name, _)| name.to_string())
            .collect::<Vec<_>>(),
        ["cluster"]
    );
    assert!(
        metadata
            .extra_bindings
            .contains(&"public".parse::<EndpointName>().unwrap())
    );
    let data = store(&charm, "data");
    assert_eq!(
        (data.count_min, data.count_max, data.minimum_size),
        (0, Some(2), Some(1536))
    );
    assert!(data.transient);
    assert_eq!(
        data.mount_point(&"data/1".parse().unwrap()),
        "/srv/data/data/1"
    );
    assert_eq!(
        store(&charm, "logs").mount_point(&"logs/0".parse().unwrap()),
        "/var/lib/juju/storage/logs/0"
    );
    assert_eq!(
        (
            store(&charm, "disk").count_min,
            store(&charm, "disk").count_max
        ),
        (3, None)
    );
    assert_eq!(metadata.devices["gpu"].count_max, 2);
    assert_eq!(metadata.resources["image"].kind, ResourceKind::OciImage);
    let assumes = metadata.assumes.as_ref().unwrap();
    assert_eq!(
        assumes.unmet("3.6.28".parse().unwrap()),
        Vec::<String>::new()
    );
    assert_eq!(
        assumes.unmet("3.0".parse().unwrap()),
        [
            "charm requires feature \"juju\" (version >= 3.1.0) but model currently supports version 3.0.0"
        ]
    );
    let kubernetes = parse(&with(
        "metadata.yaml",
        &format!("{META}assumes: [k8s-api]\n"),
    ));
    let unmet = kubernetes
        .metadata
        .assumes
        .unwrap()
        .unmet("3.6.28".parse().unwrap());
    assert_eq!(
        unmet,
        ["charm requires feature \"k8s-api\" but model does not support it"]
    );
}

#[test]
fn bad_metadata_is_refused_with_its_line() {
    assert_eq!(
        Charm::parse(&MapFiles::new(), "./x")
            .unwrap_err()
            .to_string(),
        "./x: metadata.yaml: missing: a charm has a metadata.yaml (or a charmcraft.yaml) at its root"
    );
    for (rest, error) in [
        (
            "name: again\n",
            "4: duplicate key \"name\", first on line 1",
        ),
        ("provides: [web]\n", "4: provides: expected map, got a list"),
        (
            "provides:\n  Web: http\n",
            "5: invalid endpoint name \"Web\": must begin with a lower-case letter and be lower-case letters, digits, inner hyphens and underscores",
        ),
        (
            "provides:\n  web: {scope: global}\n",
            "5: provides.web.interface: expected string, got nothing",
        ),
        (
            "provides:\n  web: {interface: 5}\n",
            "5: provides.web.interface: expected string, got int(5)",
        ),
        (
            "provides:\n  web: {interface: http, scope: world}\n",
            "5: provides.web.scope: unexpected value \"world\", expected global or container",
        ),
        (
            "provides:\n  juju-x: http\n",
            "5: charm \"app\" using a reserved relation name: \"juju-x\"",
        ),
        (
            "provides:\n  info: juju-info\n",
            "5: charm \"app\" relation \"info\" using a reserved interface: \"juju-info\"",
        ),
        (
            "provides:\n  db: a\nrequires:\n  db: a\n",
            "7: charm \"app\" using a duplicated relation name: \"db\"",
        ),
        (
            "subordinate: true\n",
            "4: subordinate charm \"app\" lacks \"requires\" relation with container scope",
        ),
        (
            "subordinate: maybe\n",
            "4: subordinate: expected bool, got string(\"maybe\")",
        ),
        (
            "series: [jammy]\nassumes: [juju]\n",
            "4: ambiguous metadata: keys \"series\" cannot be used with \"assumes\"",
        ),
        (
            "series: [Jammy]\n",
            "4: charm \"app\" declares invalid series: \"Jammy\"",
        ),
        (
            "storage:\n  d: {}\n",
            "5: charm \"app\" storage \"d\": type must be specified",
        ),
        (
            "storage:\n  d: {type: tape}\n",
            "5: storage.d.type: unexpected value \"tape\", expected block or filesystem",
        ),
        (
            "storage:\n  d: {type: block, location: /x}\n",
            "5: charm \"app\" storage \"d\": location may not be specified for \"type: block\"",
        ),
        (
            "storage:\n  d: {type: filesystem, location: /var/lib/juju/storage/x}\n",
            "5: charm \"app\" storage \"d\": invalid location \"/var/lib/juju/storage/x\": must not fall within \"/var/lib/juju/storage\"",
        ),
        (
            "storage:\n  d: {type: filesystem, location: x}\n",
            "5: charm \"app\" storage \"d\": invalid location \"x\": must be an absolute path",
        ),
        (
            "storage:\n  d:\n    type: block\n    multiple: {range: 1-x}\n",
            "7: storage.d.multiple.range: value \"1-x\" does not match 'm', 'm-n', or 'm+'",
        ),
        (
            "storage:\n  d: {type: block, multiple: {range: 0-0}}\n",
            "5: charm \"app\" storage \"d\": invalid maximum count 0",
        ),
        (
            "storage:\n  d: {type: block, minimum-size: big}\n",
            "5: storage.d.minimum-size: expected a size with one of the units MGTPEZY, got \"big\"",
        ),
        (
            "resources:\n  r: {type: file}\n",
            "5: resource \"r\": resource missing filename",
        ),
        (
            "resources:\n  r: {filename: a/b}\n",
            "5: resource \"r\": filename cannot contain \"/\" (got \"a/b\")",
        ),
        (
            "resources:\n  r: {type: floppy, filename: a}\n",
            "5: resource \"r\": unsupported resource type \"floppy\"",
        ),
        (
            "devices:\n  g: {type: gpu, countmin: 2}\n",
            "5: charm \"app\" device \"g\": maximum count 1 can not be smaller than minimum count 2",
        ),
        (
            "provides:\n  web: http\nextra-bindings:\n  web:\n",
            "7: charm \"app\" has invalid extra bindings: relation names (web) cannot be used in extra bindings",
        ),
        (
            "extra-bindings:\n  web: x\n",
            "5: charm \"app\" has invalid extra bindings: \"web\" must have no value",
        ),
        (
            "assumes: juju\n",
            "4: malformed \"assumes\" block; expected an expression list",
        ),
        (
            "assumes:\n- juju\n- juju > 3\n",
            "6: malformed feature expression \"juju > 3\"",
        ),
        (
            "assumes:\n- some-of: []\n",
            "5: malformed composite expression; expected an \"any-of\" or \"all-of\" block",
        ),
        ("terms: [Bad Term]\n", "4: wrong term format \"Bad Term\""),
    ] {
        assert_eq!(meta_fault(rest), format!("metadata.yaml:{error}"), "{rest}");
    }
    assert_eq!(
        fault("metadata.yaml", "name: app-1\nsummary: s\ndescription: d\n"),
        "metadata.yaml:1: invalid charm name \"app-1\": must begin with a lower-case letter and be lower-case letters, digits and single hyphens, each part with a letter"
    );
    assert_eq!(
        fault("metadata.yaml", "name: a\ndescription: d\n"),
        "metadata.yaml:1: summary: expected string, got nothing"
    );
    assert_eq!(
        fault("metadata.yaml", "- name\n"),
        "metadata.yaml:1: metadata: expected map, got a list"
    );
    let v2 = with(
        "manifest.yaml",
        "bases: [{name: ubuntu, channel: '24.04'}]\n",
    )
    .file("metadata.yaml", format!("{META}min-juju-version: 2.9.0\n"));
    assert_eq!(
        Charm::parse(&v2, "").unwrap_err().to_string(),
        "metadata.yaml: min-juju-version in metadata v2 not valid"
    );
}

#[test]
fn names_of_juju_are_free_for_jujus_own() {
    let text = "name: juju-app\nsummary: s\ndescription: d\nprovides: {juju-x: juju-y}\n";
    assert_eq!(
        endpoint(
            &parse(&MapFiles::new().file("metadata.yaml", text)),
            "juju-x"
        )
        .interface,
        "juju-y"
    );
}

#[test]
fn options_have_types_and_defaults() {
    let charm = parse(&with(
        "config.yaml",
        "options:\n  a.b: {type: int, default: '0x10'}\n  c: {default: yes please}\n  d: {type: boolean, default: on}\n  e: {type: string, default: ''}\n  f: {type: float, default: 2}\n  g: {type: string, default: 0118}\n  h:\n",
    ));
    let default = |name: &str| charm.config.options[name].default.clone();
    assert_eq!(default("a.b"), Some(ConfigValue::Int(16)));
    assert_eq!(
        default("c"),
        Some(ConfigValue::String("yes please".to_owned()))
    );
    assert_eq!(default("d"), Some(ConfigValue::Boolean(true)));
    assert_eq!(default("e"), Some(ConfigValue::String(String::new())));
    assert_eq!(default("f"), Some(ConfigValue::Float(2.0)));
    assert_eq!(default("g"), Some(ConfigValue::String("0118".to_owned())));
    assert_eq!(charm.config.options["h"].kind, OptionType::String);
    assert!(
        parse(&with("config.yaml", "options:\n"))
            .config
            .options
            .is_empty()
    );
    for (text, error) in [
        ("", "1: invalid config: empty configuration"),
        ("other: 1\n", "1: invalid config: empty configuration"),
        (
            "options:\n  a: {type: list}\n",
            "2: invalid config: option \"a\" has unknown type \"list\"",
        ),
        (
            "options:\n  a:\n    type: int\n    default: many\n",
            "4: invalid config default: option \"a\" expected int, got \"many\"",
        ),
        (
            "options:\n  a:\n    type: string\n    default: 2.5\n",
            "4: invalid config default: option \"a\" expected string, got 2.5",
        ),
        (
            "options:\n  a: {type: boolean, default: 1}\n",
            "2: invalid config default: option \"a\" expected boolean, got 1",
        ),
        (
            "options:\n  a: {type: secret, default: x}\n",
            "2: invalid config default: option \"a\" expected secret, got \"x\"",
        ),
        (
            "options:\n  a: {type: float, default: .nan}\n",
            "2: invalid config default: option \"a\" must be finite",
        ),
        (
            "options:\n  a: 5\n",
            "2: options.a: expected map, got int(5)",
        ),
    ] {
        assert_eq!(fault("config.yaml", text), format!("config.yaml:{error}"));
    }
}

#[test]
fn actions_have_schemas() {
    let text = "backup:\n  description: Back up.\n  params:\n    to: {type: string, default: /tmp}\n    deep:\n      type: object\n      properties: {n: {type: integer, default: 3}}\n  required: [to]\n  additionalProperties: false\n  parallel: true\n  execution-group: slow\nplain:\n";
    let charm = parse(&with("actions.yaml", text));
    let backup = &charm.actions[&"backup".parse().unwrap()];
    assert_eq!(
        (backup.parallel, backup.execution_group.as_str()),
        (true, "slow")
    );
    assert_eq!(
        backup.schema.to_string(),
        r#"{"additionalProperties":false,"description":"Back up.","properties":{"deep":{"properties":{"n":{"default":3,"type":"integer"}},"type":"object"},"to":{"default":"/tmp","type":"string"}},"required":["to"],"title":"backup","type":"object"}"#
    );
    let given = serde_json::Value::Object(backup.with_defaults(serde_json::Map::new()));
    assert_eq!(given, serde_json::json!({"deep": {"n": 3}, "to": "/tmp"}));
    assert_eq!(
        charm.actions[&"plain".parse().unwrap()].description,
        "No description"
    );
    for (text, error) in [
        ("Bad_Name: {}\n", "1: bad action name Bad_Name"),
        (
            "juju-x: {}\n",
            "1: cannot use action name juju-x: it is reserved",
        ),
        (
            "a: {description: 5}\n",
            "1: value for schema key \"description\" must be a string",
        ),
        (
            "a:\n  required: x\n",
            "2: value for schema key \"required\" must be a YAML list",
        ),
        (
            "a:\n  parallel: 5\n",
            "2: value for schema key \"parallel\" must be a bool",
        ),
        ("a:\n  params: [x]\n", "2: params failed to parse as a map"),
        (
            "a:\n  params:\n    x: {$ref: 'http://example.com'}\n",
            "3: schema key \"$ref\" not compatible with this version of juju",
        ),
        (
            "a:\n  $schema: x\n",
            "2: schema key \"$schema\" not compatible with this version of juju",
        ),
        (
            "a:\n  params:\n    x: string\n",
            "3: invalid params schema for action schema a: x: expected a schema, got string(\"string\")",
        ),
        (
            "a:\n  params:\n    x: {type: text}\n",
            "3: invalid params schema for action schema a: x: string(\"text\") is no type; use one of array, boolean, integer, null, number, object, string",
        ),
        ("a: 5\n", "1: action a: expected map, got int(5)"),
    ] {
        assert_eq!(fault("actions.yaml", text), format!("actions.yaml:{error}"));
    }
}

#[test]
fn bases_come_from_manifest_or_series() {
    let show = |charm: &Charm| {
        charm
            .bases()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let manifest = "bases:\n- {name: ubuntu, channel: 22.04, architectures: [amd64]}\n- {name: ubuntu, channel: 24.04/stable}\n";
    assert_eq!(
        show(&parse(&with("manifest.yaml", manifest))),
        ["ubuntu@22.04", "ubuntu@24.04"]
    );
    assert_eq!(
        show(&parse(&with(
            "metadata.yaml",
            &format!("{META}series: [noble, quantal]\n")
        ))),
        ["ubuntu@24.04"]
    );
    assert!(parse(&with("version", "x")).bases().is_empty());
    assert_eq!(
        fault("manifest.yaml", "bases:\n- {name: ubuntu}\n"),
        "manifest.yaml:2: bases: channel: expected string, got nothing"
    );
    assert!(
        fault("manifest.yaml", "bases:\n- {name: ubuntu, channel: a/b}\n")
            .starts_with("manifest.yaml:2: invalid channel in base")
    );
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
    assert_eq!(charm.metadata.display_name, "The App");
    assert_eq!(charm.metadata.maintainers, ["me"]);
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
    assert_eq!(parse(&files).metadata.summary, "s");
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
