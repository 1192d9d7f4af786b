//! The first boot, as cloud-init does it: two stages, each once per instance.
//!
//! The first one runs before SSH answers (boot commands, files, accounts,
//! host keys), the last one beside it (deferred files, packages, scripts).
//! Nothing here ends a boot: what fails is said in `result.json`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazuli_guests::boot::{PLAN_IN_GUEST, SetUp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{during, tell};

mod accounts;
mod files;
mod keys;

/// Where programs are looked for.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const OUTPUT: &str = "/var/log/cloud-init-output.log";
const INSTANCE: &str = "/var/lib/cloud/instance";
const DATA: &str = "/var/lib/cloud/data";
const RUN: &str = "/run/cloud-init";

/// What went wrong so far; the last stage shows it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Report {
    errors: Vec<String>,
}

impl Report {
    fn note<T>(&mut self, result: io::Result<T>) {
        if let Err(error) = result {
            tell(&format!("set-up: {error}"));
            self.errors.push(error.to_string());
        }
    }

    fn path() -> PathBuf {
        Path::new(RUN).join("errors.json")
    }

    fn load() -> Self {
        fs::read(Self::path())
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }
}

/// What is done before SSH answers.
pub(crate) fn init_stage(plan: &SetUp) {
    let mut report = Report::default();
    report.note(prepare(plan));
    if let Some(script) = &plan.boot_script {
        let script = write_script("bootcmd", script.as_bytes());
        report.note(script.and_then(|path| run(plan, Command::new("/bin/sh").arg(path))));
    }
    once(plan, "init", || {
        for file in plan.files.iter().filter(|file| !file.defer) {
            report.note(files::write(file));
        }
        report.note(accounts::apply(&plan.groups, &plan.users));
        for user in &plan.users {
            report.note(keys::authorize(&user.name, &user.ssh_keys));
        }
        report.note(keys::authorize("root", &plan.root_keys));
        report.note(keys::host_keys(&plan.host_keys));
    });
    if !report.errors.is_empty() {
        let text = serde_json::to_vec(&report).unwrap_or_default();
        let saved = fs::write(Report::path(), text);
        report.note(saved);
    }
}

/// Starts the last stage beside the caller, which reaps it.
pub(crate) fn start_final_stage() {
    let child = Command::new("/proc/self/exe").arg("final").spawn();
    if let Err(error) = child {
        tell(&format!("set-up: the last stage does not start: {error}"));
    }
}

/// What is done when SSH answers already.
pub(crate) fn final_stage() -> io::Result<()> {
    let text = fs::read(PLAN_IN_GUEST).map_err(during("read the plan"))?;
    let plan: SetUp = serde_json::from_slice(&text).map_err(during("understand the plan"))?;
    let mut report = Report::load();
    once(&plan, "final", || {
        for file in plan.files.iter().filter(|file| file.defer) {
            report.note(files::write(file));
        }
        packages(&plan, &mut report);
        for (name, content) in &plan.scripts {
            let script = STANDARD
                .decode(content)
                .map_err(io::Error::other)
                .and_then(|content| write_script(name, &content));
            report.note(script.and_then(|path| run(&plan, &mut Command::new(path))));
        }
    });
    finish(&plan, &report)
}

fn packages(plan: &SetUp, report: &mut Report) {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-y", "-q", "-o", "Dpkg::Options::=--force-confold"]);
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(plan, &mut command)
    };
    if plan.package_update || plan.package_upgrade || !plan.packages.is_empty() {
        report.note(apt(&["update"]));
    }
    if plan.package_upgrade {
        report.note(apt(&["dist-upgrade"]));
    }
    if !plan.packages.is_empty() {
        let names: Vec<&str> = plan.packages.iter().map(String::as_str).collect();
        report.note(apt(&[&["install"], names.as_slice()].concat()));
    }
}

/// Says that the boot is over; who waits for it waits for `boot-finished`.
fn finish(plan: &SetUp, report: &Report) -> io::Result<()> {
    let result = json!({"v1": {
        "datasource": "DataSourceAzure [seed=simulator]",
        "errors": report.errors,
        "recoverable_errors": {"WARNING": plan.warnings},
    }});
    let text = format!("{result:#}\n");
    fs::create_dir_all(DATA).map_err(during(format!("create {DATA}")))?;
    let data = Path::new(DATA).join("result.json");
    fs::write(&data, &text).map_err(during("write result.json"))?;
    let run = Path::new(RUN).join("result.json");
    fs::write(run, &text).map_err(during("write result.json"))?;
    let mut uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    uptime.truncate(uptime.find(' ').unwrap_or(0));
    let partial = Path::new(INSTANCE).join("boot-finished.new");
    fs::write(&partial, format!("{uptime} guest-init\n"))
        .and_then(|()| fs::rename(&partial, Path::new(INSTANCE).join("boot-finished")))
        .map_err(during("write boot-finished"))
}

fn prepare(plan: &SetUp) -> io::Result<()> {
    let own = Path::new("/var/lib/cloud/instances").join(&plan.instance_id);
    for folder in ["scripts", "sem"] {
        let folder = own.join(folder);
        fs::create_dir_all(&folder).map_err(during(format!("create {}", folder.display())))?;
    }
    absent_is_fine(fs::remove_file(INSTANCE))?;
    symlink(&own, INSTANCE).map_err(during(format!("link {INSTANCE}")))?;
    absent_is_fine(fs::remove_file(Path::new(INSTANCE).join("boot-finished")))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// Runs `work` unless this instance has had it. The mark is made afterwards:
/// what a cut interrupted is done again.
fn once(plan: &SetUp, stage: &str, work: impl FnOnce()) {
    let mark = Path::new("/var/lib/cloud/instances")
        .join(&plan.instance_id)
        .join("sem")
        .join(stage);
    if mark.exists() {
        return;
    }
    work();
    if let Err(error) = File::create(&mark) {
        tell(&format!(
            "set-up: cannot create {}: {error}",
            mark.display()
        ));
    }
}

fn write_script(name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = Path::new(INSTANCE).join("scripts").join(name);
    let what = format!("write {}", path.display());
    fs::write(&path, content).map_err(during(&what))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(during(&what))?;
    Ok(path)
}

fn run(plan: &SetUp, command: &mut Command) -> io::Result<()> {
    let output = OpenOptions::new().create(true).append(true).open(OUTPUT)?;
    let errors = output.try_clone()?;
    let what = command.get_program().to_string_lossy().into_owned();
    let status = command
        .env("PATH", PATH)
        .env("INSTANCE_ID", &plan.instance_id)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(during(format!("run {what}")))?;
    if status.success() {
        return Ok(());
    }
    let shown: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    let shown = shown.join(" ");
    let mut log = OpenOptions::new().append(true).open(OUTPUT)?;
    writeln!(log, "{what} {shown} failed: {status}")?;
    Err(io::Error::other(format!(
        "{what} {shown} failed: {status}; its output is in {OUTPUT}"
    )))
}
