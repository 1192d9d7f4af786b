use super::*;
use crate::names::EndpointName;

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
    let metadata = &charm.meta;
    assert!(metadata.subordinate);
    assert_eq!(metadata.display_name, "The App");
    assert_eq!(metadata.maintainers, ["A <a@example.com>"]);
    assert_eq!(metadata.tags.iter().collect::<Vec<_>>(), ["one", "two"]);
    let db = endpoint(&charm, "db");
    assert_eq!(
        (db.role, db.limit, db.optional, db.scope),
        (EndpointRole::Requirer, Some(1), true, Scope::Global)
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
        .meta
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
