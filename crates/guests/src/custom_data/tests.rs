//! What custom data becomes.

use std::io::Write;

use super::*;
use crate::spec::{Admin, Egress, Flavour, NetworkPolicy};

fn spec(custom_data: &[u8]) -> GuestSpec {
    GuestSpec {
        name: "m-0".to_owned(),
        vnet: "v".to_owned(),
        address: "10.0.0.4/24".parse().unwrap(),
        mac: None,
        interfaces: Vec::new(),
        flavour: Flavour::Lean,
        hostname: "m-0".to_owned(),
        instance_id: "i-0".to_owned(),
        admin: Some(Admin {
            name: "ubuntu".to_owned(),
            ssh_keys: vec!["ssh-ed25519 AAAA admin".to_owned()],
        }),
        custom_data: custom_data.to_vec(),
        policy: NetworkPolicy {
            egress: Egress::None,
            ..NetworkPolicy::default()
        },
    }
}

fn plan(custom_data: &str) -> SetUp {
    set_up(&spec(custom_data.as_bytes()))
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn without_custom_data_there_is_the_admin() {
    let plan = plan("");
    assert_eq!(plan.users.len(), 1);
    assert_eq!(plan.users[0].sudo, ["ALL=(ALL) NOPASSWD:ALL"]);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn a_controllers_document_is_honoured_whole() {
    let plan = plan(
        "#cloud-config
hostname: juju-1
users:
- default
- name: deploy
  groups: [adm, sudo]
  sudo: ALL=(ALL) NOPASSWD:ALL
  shell: /bin/sh
  lock_passwd: true
  ssh_authorized_keys: [ssh-ed25519 BBBB deploy]
ssh_authorized_keys: [ssh-ed25519 CCCC top]
ssh_keys:
  ed25519_private: |
    PRIVATE
  ed25519_public: ssh-ed25519 DDDD
disable_root: true
write_files:
- path: /etc/a
  content: aGVsbG8=
  encoding: b64
  permissions: '0600'
  owner: deploy:deploy
- {path: /etc/b, content: more, append: true, defer: true}
bootcmd:
- echo early
runcmd:
- [touch, /tmp/it's]
- echo $HOME
",
    );
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    assert_eq!(plan.hostname, "juju-1");
    let names: Vec<_> = plan.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["ubuntu", "deploy"]);
    assert!(
        plan.users[0]
            .ssh_keys
            .contains(&"ssh-ed25519 CCCC top".to_owned())
    );
    assert_eq!(plan.users[1].shell, "/bin/sh");
    assert!(plan.root_keys[0].contains("Please login as the user \\\"ubuntu\\\""));
    assert_eq!(
        plan.host_keys[0].public.as_deref(),
        Some("ssh-ed25519 DDDD")
    );
    assert_eq!(decoded(&plan.files[0].content), "hello");
    assert_eq!(plan.files[0].mode, 0o600);
    assert!(plan.files[1].append && plan.files[1].defer);
    assert_eq!(plan.boot_script.as_deref(), Some("#!/bin/sh\necho early\n"));
    assert_eq!(
        decoded(&plan.scripts[0].1),
        "#!/bin/sh\n'touch' '/tmp/it'\\''s'\necho $HOME\n"
    );
}

#[test]
fn what_is_not_honoured_is_said() {
    let plan = plan(
        "#cloud-config\nswap: {size: 1}\nusers: [{name: a, selinux_user: x}, {name: 'a:b'}]\n",
    );
    assert_eq!(plan.warnings.len(), 3, "{:?}", plan.warnings);
    assert!(plan.warnings.iter().any(|w| w.contains("swap")));
}

#[test]
fn broken_yaml_is_said() {
    assert_eq!(plan("#cloud-config\n{a: [").warnings.len(), 1);
    assert_eq!(plan("hello").warnings.len(), 1);
}

#[test]
fn scripts_and_gzip() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"#!/bin/sh\ntrue\n").unwrap();
    let plan = set_up(&spec(&packer.finish().unwrap()));
    assert_eq!(decoded(&plan.scripts[0].1), "#!/bin/sh\ntrue\n");
}

#[test]
fn multipart_messages() {
    let plan = plan(
        "Content-Type: multipart/mixed; boundary=\"==B==\"\nMIME-Version: 1.0\n\n\
         --==B==\nContent-Type: text/cloud-config\n\n#cloud-config\nhostname: two\n\n\
         --==B==\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\n\
         IyEvYmluL3NoCnRydWUK\n--==B==--\n",
    );
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    assert_eq!(plan.hostname, "two");
    assert_eq!(decoded(&plan.scripts[0].1), "#!/bin/sh\ntrue\n");
}

#[test]
fn too_much_is_refused() {
    assert!(check(&spec(&vec![b'#'; MAX_CUSTOM_DATA + 1])).is_err());
    let mut bad = spec(b"");
    bad.hostname = "a/b".to_owned();
    assert!(check(&bad).is_err());
}
