//! Accounts of a cloud-config.

use serde_yaml::{Mapping, Value};

use crate::boot::{Group, User};
use crate::spec::Admin;

use super::values::{flag, text, texts};

/// The groups of the default user on Ubuntu's cloud images.
const ADMIN_GROUPS: &[&str] = &[
    "adm", "audio", "cdrom", "dialout", "dip", "floppy", "lxd", "netdev", "plugdev", "sudo",
    "video",
];

/// Whether `useradd` would take it.
pub(super) fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.len() <= 32 && name.starts_with(first) && name.chars().all(rest)
}

/// The default user.
pub(super) fn admin(admin: &Admin) -> User {
    User {
        gecos: "Ubuntu".to_owned(),
        groups: ADMIN_GROUPS.iter().map(|&group| group.to_owned()).collect(),
        sudo: vec!["ALL=(ALL) NOPASSWD:ALL".to_owned()],
        ssh_keys: admin.ssh_keys.clone(),
        ..plain(&admin.name)
    }
}

fn plain(name: &str) -> User {
    User {
        name: name.to_owned(),
        home: format!("/home/{name}"),
        shell: "/bin/bash".to_owned(),
        create_home: true,
        ..User::default()
    }
}

/// One entry of `users`: a name, or a mapping.
pub(super) fn user(value: &Value, warnings: &mut Vec<String>) -> Option<User> {
    let Value::Mapping(fields) = value else {
        let name = text(value).filter(|name| is_name(name));
        if name.is_none() {
            warnings.push(format!("users: {value:?} is not understood"));
        }
        return name.map(|name| plain(&name));
    };
    let Some(name) = fields
        .get("name")
        .and_then(text)
        .filter(|name| is_name(name))
    else {
        warnings.push("users: an entry without a valid name is ignored".to_owned());
        return None;
    };
    let mut user = plain(&name);
    // A system user has no home unless it is asked for.
    if fields.get("system").and_then(flag) == Some(true) {
        user.system = true;
        user.create_home = false;
    }
    for (key, value) in fields {
        let key = text(key).unwrap_or_default();
        if field(&mut user, &key, value).is_none() {
            warnings.push(format!("users: {name}: {key} is not honoured here"));
        }
    }
    Some(user)
}

/// Takes one field in; none if it is unknown or not understood.
fn field(user: &mut User, key: &str, value: &Value) -> Option<()> {
    match key {
        "name" | "system" => {}
        "gecos" => user.gecos = line(value)?,
        "homedir" => user.home = line(value).filter(|home| home.starts_with('/'))?,
        "shell" => user.shell = line(value)?,
        "uid" => user.uid = Some(text(value)?.parse().ok()?),
        "primary_group" | "primary-group" => {
            user.primary_group = Some(text(value).filter(|name| is_name(name))?);
        }
        "groups" => {
            let groups = texts(value, Some(','))?;
            if !groups.iter().all(|name| is_name(name)) {
                return None;
            }
            user.groups = groups;
        }
        "sudo" => {
            user.sudo = match value {
                Value::Bool(false) => Vec::new(),
                _ => texts(value, None)?,
            };
            if user.sudo.iter().any(|rule| rule.contains('\n')) {
                user.sudo.clear();
                return None;
            }
        }
        "ssh_authorized_keys" | "ssh-authorized-keys" => user.ssh_keys = texts(value, None)?,
        "lock_passwd" | "lock-passwd" => {
            // Accounts have no password unless one is given with `passwd`.
            flag(value)?;
        }
        "passwd" | "hashed_passwd" => user.password = Some(line(value)?),
        "no_create_home" | "no-create-home" => user.create_home = !flag(value)?,
        // Each user has a group of its own already.
        "no_user_group" | "no-user-group" if flag(value) == Some(false) => {}
        _ => return None,
    }
    Some(())
}

/// The value of one field of an account file.
fn line(value: &Value) -> Option<String> {
    text(value).filter(|text| !text.contains([':', '\n']))
}

/// `groups` at the top level: names, or names with members.
pub(super) fn groups(value: &Value, warnings: &mut Vec<String>) -> Vec<Group> {
    let mut found = Vec::new();
    let mut add = |name: &str, members: Vec<String>| {
        if is_name(name) && members.iter().all(|member| is_name(member)) {
            let name = name.to_owned();
            found.push(Group { name, members });
        } else {
            warnings.push(format!("groups: {name:?} is not understood"));
        }
    };
    let mut mapping = |fields: &Mapping| {
        for (name, members) in fields {
            let members = texts(members, Some(',')).unwrap_or_default();
            add(&text(name).unwrap_or_default(), members);
        }
    };
    match value {
        Value::Mapping(fields) => mapping(fields),
        Value::Sequence(items) => {
            for item in items {
                match item {
                    Value::Mapping(fields) => mapping(fields),
                    _ => {
                        let key = item.clone();
                        mapping(&Mapping::from_iter([(key, Value::Null)]));
                    }
                }
            }
        }
        _ => {
            for name in texts(value, Some(',')).unwrap_or_default() {
                add(&name, Vec::new());
            }
        }
    }
    found
}
