//! Users and groups, written straight into the four account files.
//!
//! `useradd` would do, but takes longer than all the rest of a first boot.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

use lazuli_guests::boot::{Group, User};

use crate::during;

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const GROUP: &str = "/etc/group";
const GSHADOW: &str = "/etc/gshadow";

/// Numbers for people, and for system accounts.
const PEOPLE: std::ops::Range<u32> = 1000..60_000;
const SYSTEM: std::ops::Range<u32> = 500..1000;

/// The account files in memory: lines, each split at its colons.
#[derive(Debug)]
pub(super) struct Accounts {
    passwd: Vec<Vec<String>>,
    shadow: Vec<Vec<String>>,
    group: Vec<Vec<String>>,
    gshadow: Vec<Vec<String>>,
}

/// What is needed of an account.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
}

/// Makes what is missing and completes what is there.
pub(super) fn apply(groups: &[Group], users: &[User]) -> io::Result<()> {
    if groups.is_empty() && users.is_empty() {
        return Ok(());
    }
    let mut accounts = Accounts::load()?;
    for group in groups {
        accounts.add_group(&group.name, None, false);
        for member in &group.members {
            accounts.join(member, &group.name);
        }
    }
    let mut homes = Vec::new();
    for user in users {
        let is_new = accounts.user(&user.name).is_none();
        accounts.add_user(user);
        if is_new && user.create_home {
            homes.push(user);
        }
    }
    accounts.save()?;
    for user in homes {
        let entry = accounts
            .user(&user.name)
            .ok_or_else(|| io::Error::other("the account vanished"))?;
        make_home(&entry).map_err(during(format!("make the home of {}", user.name)))?;
    }
    sudoers(users)
}

impl Accounts {
    pub(super) fn load() -> io::Result<Self> {
        let read = |path: &str| -> io::Result<Vec<Vec<String>>> {
            let text = fs::read_to_string(path).map_err(during(format!("read {path}")))?;
            let split = |line: &str| line.split(':').map(str::to_owned).collect();
            Ok(text.lines().map(split).collect())
        };
        Ok(Self {
            passwd: read(PASSWD)?,
            shadow: read(SHADOW)?,
            group: read(GROUP)?,
            gshadow: read(GSHADOW)?,
        })
    }

    fn save(&self) -> io::Result<()> {
        replace(PASSWD, &self.passwd)?;
        replace(SHADOW, &self.shadow)?;
        replace(GROUP, &self.group)?;
        replace(GSHADOW, &self.gshadow)
    }

    pub(super) fn user(&self, name: &str) -> Option<Entry> {
        let line = find(&self.passwd, name)?;
        Some(Entry {
            uid: line.get(2)?.parse().ok()?,
            gid: line.get(3)?.parse().ok()?,
            home: line.get(5)?.clone(),
        })
    }

    /// The numbers of an owner; an empty name changes nothing.
    pub(super) fn numbers(&self, user: &str, group: &str) -> Option<(Option<u32>, Option<u32>)> {
        let uid = match user {
            "" => None,
            _ => Some(match self.user(user) {
                Some(entry) => entry.uid,
                None => user.parse().ok()?,
            }),
        };
        let gid = match group {
            "" => None,
            _ => Some(match self.group_number(group) {
                Some(gid) => gid,
                None => group.parse().ok()?,
            }),
        };
        Some((uid, gid))
    }

    fn group_number(&self, name: &str) -> Option<u32> {
        find(&self.group, name)?.get(2)?.parse().ok()
    }

    fn add_group(&mut self, name: &str, wish: Option<u32>, system: bool) -> u32 {
        if let Some(gid) = self.group_number(name) {
            return gid;
        }
        let gid = match wish {
            Some(gid) if !is_taken(&self.group, gid) => gid,
            _ => free(&[&self.group], system),
        };
        self.group.push(fields(&[name, "x", &gid.to_string(), ""]));
        self.gshadow.push(fields(&[name, "!", "", ""]));
        gid
    }

    fn join(&mut self, user: &str, group: &str) {
        for file in [&mut self.group, &mut self.gshadow] {
            let line = file.iter_mut().find(|line| line[0] == group);
            if let Some(members) = line.and_then(|line| line.get_mut(3)) {
                if members.split(',').any(|member| member == user) {
                    continue;
                }
                if !members.is_empty() {
                    members.push(',');
                }
                members.push_str(user);
            }
        }
    }

    fn add_user(&mut self, user: &User) {
        if self.user(&user.name).is_none() {
            let uid = user
                .uid
                .filter(|uid| !is_taken(&self.passwd, *uid))
                .unwrap_or_else(|| free(&[&self.passwd, &self.group], user.system));
            let gid = match &user.primary_group {
                Some(group) => self.add_group(group, None, user.system),
                None => self.add_group(&user.name, Some(uid), user.system),
            };
            let (uid, gid) = (uid.to_string(), gid.to_string());
            self.passwd.push(fields(&[
                &user.name,
                "x",
                &uid,
                &gid,
                &user.gecos,
                &user.home,
                &user.shell,
            ]));
            // '*' and not '!': a password that cannot be, in an account that
            // is not locked, since sshd without PAM refuses locked ones.
            let password = user.password.as_deref().unwrap_or("*");
            self.shadow.push(fields(&[
                &user.name, password, "19700", "0", "99999", "7", "", "", "",
            ]));
        }
        for group in &user.groups {
            self.add_group(group, None, true);
            self.join(&user.name, group);
        }
    }
}

fn fields(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn find<'a>(lines: &'a [Vec<String>], name: &str) -> Option<&'a Vec<String>> {
    lines.iter().find(|line| line[0] == name)
}

fn is_taken(lines: &[Vec<String>], number: u32) -> bool {
    let number = number.to_string();
    lines.iter().any(|line| line.get(2) == Some(&number))
}

fn free(files: &[&Vec<Vec<String>>], system: bool) -> u32 {
    let is_free = |number: &u32| !files.iter().any(|lines| is_taken(lines, *number));
    if system {
        SYSTEM.rev().find(is_free).unwrap_or(SYSTEM.start)
    } else {
        PEOPLE.clone().find(is_free).unwrap_or(PEOPLE.end)
    }
}

/// Replaces an account file whole, keeping its mode and owner.
fn replace(path: &str, lines: &[Vec<String>]) -> io::Result<()> {
    let what = || during(format!("write {path}"));
    let before = fs::metadata(path).map_err(what())?;
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.join(":"));
        text.push('\n');
    }
    let partial = format!("{path}.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| chown(&partial, Some(before.uid()), Some(before.gid())))
        .and_then(|()| fs::set_permissions(&partial, before.permissions()))
        .and_then(|()| fs::rename(&partial, path))
        .map_err(what())
}

fn make_home(entry: &Entry) -> io::Result<()> {
    let home = Path::new(&entry.home);
    if home.exists() {
        return Ok(());
    }
    if let Some(parent) = home.parent() {
        fs::create_dir_all(parent)?;
    }
    let owner = (Some(entry.uid), Some(entry.gid));
    DirBuilder::new().mode(0o750).create(home)?;
    chown(home, owner.0, owner.1)?;
    for file in fs::read_dir("/etc/skel")? {
        let file = file?;
        if file.file_type()?.is_file() {
            let target = home.join(file.file_name());
            fs::copy(file.path(), &target)?;
            chown(&target, owner.0, owner.1)?;
        }
    }
    Ok(())
}

fn sudoers(users: &[User]) -> io::Result<()> {
    let mut text = String::new();
    for user in users {
        for rule in &user.sudo {
            text.push_str(&user.name);
            text.push(' ');
            text.push_str(rule);
            text.push('\n');
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    let path = "/etc/sudoers.d/90-cloud-init-users";
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o440)))
        .map_err(during(format!("write {path}")))
}
