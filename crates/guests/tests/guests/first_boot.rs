//! Custom data, as a real SSH client sees its effects.

use crate::support::{World, eventually, keygen, possible, said};
use lazuli_guests::Power;

fn custom_data(private: &str, public: &str, key: &str) -> String {
    let private = private.replace('\n', "\n    ");
    format!(
        "#cloud-config
hostname: chosen
users:
- default
- name: deploy
  groups: [adm]
  sudo: ALL=(ALL) NOPASSWD:ALL
  shell: /bin/sh
  ssh_authorized_keys: ['{key}']
ssh_keys:
  ed25519_private: |
    {private}
  ed25519_public: {public}
write_files:
- {{path: /etc/early, content: aGVsbG8=, encoding: b64, permissions: '0640'}}
- {{path: /srv/late, content: later, owner: 'deploy:deploy', defer: true}}
bootcmd:
- echo booted >> /var/log/boots
runcmd:
- [sh, -c, 'cat /etc/early > /srv/copy']
- whoami >> /srv/copy
swap: {{size: 1}}
"
    )
}

#[test]
fn custom_data_is_honoured() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let host_key = world.folder.path().join("host");
    keygen(&host_key);
    let private = std::fs::read_to_string(&host_key).unwrap();
    let public = std::fs::read_to_string(host_key.with_extension("pub")).unwrap();
    let known_hosts = world.folder.path().join("known_hosts");
    std::fs::write(&known_hosts, format!("10.1.0.4 {public}")).unwrap();
    let mut spec = world.spec("m-0", "net", "10.1.0.4/24");
    spec.custom_data = custom_data(private.trim(), public.trim(), &world.public_key).into_bytes();
    let guest = world.fabric().create(spec).unwrap();
    assert_eq!(guest.power, Power::On);

    // The host key is the pinned one, and no other is taken.
    let ssh = |script: &str| said(&world.ssh("10.1.0.4", Some(&known_hosts), script));
    assert_eq!(
        ssh("hostname; id -un; sudo -n id -un"),
        "chosen\nubuntu\nroot"
    );
    let other = world.folder.path().join("other");
    std::fs::write(&other, format!("10.1.0.4 {}", world.public_key)).unwrap();
    assert!(!world.ssh("10.1.0.4", Some(&other), "true").status.success());

    eventually("the first boot is finished", || {
        ssh("test -e /var/lib/cloud/instance/boot-finished && echo yes; true") == "yes"
    });
    assert_eq!(ssh("stat -c %a /etc/early"), "640");
    assert_eq!(ssh("stat -c %U:%G /srv/late"), "deploy:deploy");
    assert_eq!(ssh("cat /srv/copy"), "helloroot");
    assert_eq!(ssh("id -nG deploy"), "deploy adm");
    assert_eq!(ssh("getent passwd deploy | cut -d: -f7"), "/bin/sh");
    // Root may not log in, and the client is told who may.
    let root = world.exec("m-0", "cat /root/.ssh/authorized_keys 2>/dev/null; true");
    assert!(!said(&root).starts_with("ssh-ed25519"));
    // What was not honoured is said.
    assert!(ssh("cat /run/cloud-init/result.json").contains("swap"));
    assert_eq!(ssh("cloud-init status --wait"), "status: done");
    // The machine is not shown: neither its name nor its resolver nor its disk.
    assert_eq!(
        ssh("wc -c < /etc/resolv.conf; grep -c chosen /etc/hosts"),
        "0\n1"
    );
    assert_eq!(
        ssh("sudo -n sh -c 'echo x > /usr/libexec/guest-init' 2>&1; true"),
        "sh: 1: cannot create /usr/libexec/guest-init: Read-only file system"
    );
    assert!(ssh("sudo -n mknod /tmp/disk b 254 0 2>&1; true").contains("not permitted"));

    // Once per instance: a reboot runs bootcmd again, and nothing else.
    world
        .fabric()
        .restart("m-0", lazuli_guests::Stop::Graceful)
        .unwrap();
    assert_eq!(ssh("wc -l < /var/log/boots; cat /srv/copy"), "2\nhelloroot");
    world.end();
}

#[test]
fn a_failing_command_is_reported() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let mut spec = world.spec("m-0", "net", "10.1.0.4/24");
    spec.custom_data = b"#!/bin/sh\necho it broke\nexit 3\n".to_vec();
    world.fabric().create(spec).unwrap();
    let status = || said(&world.exec("m-0", "cloud-init status --wait; true"));
    assert_eq!(status(), "status: error");
    let log = said(&world.exec("m-0", "cat /var/log/cloud-init-output.log"));
    assert!(
        log.contains("it broke") && log.contains("exit status: 3"),
        "{log}"
    );
    world.end();
}
