//! What is in the base. Any change here makes a new base: the cache is keyed
//! by a hash of all of it.

use sha2::{Digest, Sha256};

/// Raised when the way of building changes.
const VERSION: &str = "1";

/// One base serves both flavours: systemd costs a lean guest nothing, as the
/// base is shared.
pub(super) const PACKAGES: &[&str] = &[
    "bash-completion",
    "ca-certificates",
    "cron",
    "curl",
    "dbus",
    "e2fsprogs",
    "gnupg",
    "iproute2",
    "iputils-ping",
    "less",
    "libpam-systemd",
    "logrotate",
    "lsb-release",
    "netcat-openbsd",
    "openssh-server",
    "openssl",
    "procps",
    "psmisc",
    "python3",
    "python3-yaml",
    "rsync",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
    "unzip",
    "wget",
    "xz-utils",
];

pub(super) const APT_OPTIONS: &[&str] = &[
    "APT::Install-Recommends \"false\"",
    "APT::Install-Suggests \"false\"",
    "Acquire::Languages \"none\"",
];

/// Guests die with their machine: no sync for each file. No manuals.
pub(super) const DPKG_OPTIONS: &[&str] = &[
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
];

/// The machine's name, its resolver, where packages came from: none of it is
/// the guests' business. Host keys and the machine's id are made per guest.
pub(super) const REMOVED: &[&str] = &[
    "etc/apt/sources.list",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/ssh/ssh_host_ecdsa_key",
    "etc/ssh/ssh_host_ecdsa_key.pub",
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "etc/ssh/ssh_host_rsa_key",
    "etc/ssh/ssh_host_rsa_key.pub",
    "var/lib/dbus/machine-id",
    "var/log/alternatives.log",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
];

pub(super) const EMPTIED: &[&str] = &[
    "etc/apt/sources.list.d",
    // Alternatives of packages have manuals there (Java's: its installation
    // fails without).
    "usr/share/man/man1",
    "usr/share/man/man8",
    "var/cache/apt/archives/partial",
    "var/lib/apt/lists/partial",
    "var/lib/cloud",
    "var/log/apt",
];

/// Path, mode, content.
pub(super) const FILES: &[(&str, u32, &str)] = &[
    ("etc/machine-id", 0o644, ""),
    ("usr/libexec/guest-init", 0o755, ""),
    ("etc/ssh/sshd_config", 0o644, SSHD_CONFIG),
    ("usr/local/sbin/poweroff", 0o755, POWER),
    ("usr/local/sbin/halt", 0o755, POWER),
    ("usr/local/sbin/reboot", 0o755, POWER),
    ("usr/local/sbin/shutdown", 0o755, POWER),
    ("usr/local/bin/cloud-init", 0o755, CLOUD_INIT),
    ("etc/default/locale", 0o644, "LANG=C.UTF-8\n"),
    ("etc/systemd/system/cloud-final.service", 0o644, CLOUD_FINAL),
    (
        "etc/systemd/journald.conf.d/guest.conf",
        0o644,
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n",
    ),
    (
        "etc/apt/apt.conf.d/90guest",
        0o644,
        "Acquire::Retries \"2\";\nAcquire::http::Timeout \"20\";\nAcquire::http::Proxy \"false\";\n",
    ),
];

/// What has no meaning in a guest, or waits for hardware.
pub(super) const LINKS: &[(&str, &str)] = &[
    (
        "etc/systemd/system/multi-user.target.wants/cloud-final.service",
        "/etc/systemd/system/cloud-final.service",
    ),
    ("etc/systemd/system/apt-daily-upgrade.timer", "/dev/null"),
    ("etc/systemd/system/apt-daily.timer", "/dev/null"),
    ("etc/systemd/system/console-getty.service", "/dev/null"),
    ("etc/systemd/system/dpkg-db-backup.timer", "/dev/null"),
    ("etc/systemd/system/e2scrub_all.timer", "/dev/null"),
    ("etc/systemd/system/e2scrub_reap.service", "/dev/null"),
    ("etc/systemd/system/fstrim.timer", "/dev/null"),
    ("etc/systemd/system/getty.target", "/dev/null"),
    ("etc/systemd/system/logrotate.timer", "/dev/null"),
    ("etc/systemd/system/systemd-networkd.service", "/dev/null"),
    ("etc/systemd/system/systemd-remount-fs.service", "/dev/null"),
    ("etc/systemd/system/systemd-resolved.service", "/dev/null"),
    ("etc/systemd/system/systemd-timesyncd.service", "/dev/null"),
    (
        "etc/systemd/system/systemd-tmpfiles-clean.timer",
        "/dev/null",
    ),
    ("etc/systemd/system/systemd-udevd.service", "/dev/null"),
    (
        "etc/systemd/system/systemd-udev-trigger.service",
        "/dev/null",
    ),
    (
        "etc/systemd/system/systemd-udevd-control.socket",
        "/dev/null",
    ),
    (
        "etc/systemd/system/systemd-udevd-kernel.socket",
        "/dev/null",
    ),
    ("etc/systemd/system/sys-kernel-config.mount", "/dev/null"),
    ("etc/systemd/system/sys-kernel-debug.mount", "/dev/null"),
    ("etc/systemd/system/sys-kernel-tracing.mount", "/dev/null"),
];

/// Without PAM a connection costs a third less. Sessions run beside each
/// other on one connection, hundreds of them when a controller is busy.
const SSHD_CONFIG: &str = "\
Include /etc/ssh/sshd_config.d/*.conf
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 1000
MaxSessions 200
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
";

/// Power commands of a lean guest are signals to process 1; where systemd is
/// process 1, its own commands do it.
const POWER: &str = r#"#!/bin/sh
name=$(basename "$0")
if [ -d /run/systemd/system ]; then
    exec "/usr/sbin/$name" "$@"
fi
if [ "$name" = shutdown ]; then
    name=poweroff
    for argument; do
        case $argument in
        -r | --reboot) name=reboot ;;
        -c | -k) exit 0 ;;
        esac
    done
fi
case $name in
reboot) exec kill -INT 1 ;;
*) exec kill -TERM 1 ;;
esac
"#;

/// What people and scripts ask of cloud-init: whether it is done.
const CLOUD_INIT: &str = r#"#!/bin/sh
# First boots are done by the guest's own init; this answers `cloud-init status`.
finished=/var/lib/cloud/instance/boot-finished
[ "$1" = status ] || { echo "cloud-init: only \`status [--wait]\` is answered here" >&2; exit 2; }
case " $* " in
*" --wait "* | *" -w "*) while [ ! -e $finished ]; do sleep 0.2; done ;;
esac
if [ ! -e $finished ]; then
    echo "status: running"
elif grep -q '"errors": \[\]' /run/cloud-init/result.json; then
    echo "status: done"
else
    echo "status: error"
    exit 1
fi
"#;

const CLOUD_FINAL: &str = "\
[Unit]
Description=Last stage of the first boot
After=network.target ssh.service dbus.service

[Service]
Type=oneshot
ExecStart=/usr/libexec/guest-init final
RemainAfterExit=yes
KillMode=process
TasksMax=infinity
TimeoutSec=0

[Install]
WantedBy=multi-user.target
";

/// Names the base: 16 hexadecimal digits.
pub(super) fn key() -> String {
    let everything = format!(
        "{VERSION} {PACKAGES:?} {APT_OPTIONS:?} {DPKG_OPTIONS:?} {REMOVED:?} {EMPTIED:?} {FILES:?} {LINKS:?}"
    );
    let mut key = hex::encode(Sha256::digest(everything));
    key.truncate(16);
    key
}
