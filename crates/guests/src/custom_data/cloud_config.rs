//! `#cloud-config` documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_yaml::{Mapping, Value};

use crate::boot::{HostKey, SetUp, User, WriteFile};
use crate::spec::Admin;

use super::unpack;
use super::users;
use super::values::{flag, script, text, texts};

/// How cloud-init keeps people from logging in as root.
const NO_ROOT: &str = "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo \
    'Please login as the user \\\"USER\\\" rather than the user \\\"root\\\".';echo;sleep 10;exit 142\" ";

/// A first boot that is being put together.
pub(super) struct Plan {
    set_up: SetUp,
    admin: Option<User>,
    keys: Vec<String>,
    disable_root: bool,
}

impl Plan {
    pub(super) fn new(admin: Option<&Admin>, set_up: SetUp) -> Self {
        Self {
            set_up,
            admin: admin.map(users::admin),
            keys: Vec::new(),
            disable_root: true,
        }
    }

    pub(super) fn warn(&mut self, what: &str) {
        self.set_up.warnings.push(what.to_owned());
    }

    pub(super) fn script(&mut self, name: String, content: String) {
        self.set_up.scripts.push((name, content));
    }

    /// Takes a document in.
    pub(super) fn cloud_config(&mut self, document: &str) {
        match serde_yaml::from_str::<Value>(document) {
            Ok(Value::Mapping(fields)) => {
                for (key, value) in &fields {
                    let key = text(key).unwrap_or_default();
                    if self.field(&key, value).is_none() {
                        self.warn(&format!("cloud-config: {key} is not honoured here"));
                    }
                }
            }
            Ok(Value::Null) => {}
            Ok(_) => self.warn("cloud-config: it is not a mapping and is ignored"),
            Err(error) => self.warn(&format!("cloud-config: it is ignored: {error}")),
        }
    }

    /// Ends the plan: the default user and the keys that belong to it.
    pub(super) fn finish(mut self) -> SetUp {
        if let Some(mut admin) = self.admin.take() {
            for key in &self.keys {
                if !admin.ssh_keys.contains(key) {
                    admin.ssh_keys.push(key.clone());
                }
            }
            let known = self.set_up.users.iter_mut();
            match known.into_iter().find(|user| user.name == admin.name) {
                // The document's wishes go before the default user's ways.
                Some(user) => user.ssh_keys.append(&mut admin.ssh_keys),
                None => self.set_up.users.insert(0, admin.clone()),
            }
            self.root_keys(&admin.name);
        } else {
            let name = self.set_up.users.first().map(|user| user.name.clone());
            self.root_keys(&name.unwrap_or_else(|| "ubuntu".to_owned()));
        }
        // As cloud-init's order of names has it: parts, then runcmd.
        self.set_up.scripts.sort();
        self.set_up
    }

    fn root_keys(&mut self, user: &str) {
        let prefix = if self.disable_root {
            NO_ROOT.replace("USER", user)
        } else {
            String::new()
        };
        self.set_up.root_keys = self
            .keys
            .iter()
            .map(|key| format!("{prefix}{key}"))
            .collect();
    }

    /// Takes one field in; none if it is unknown or not understood.
    fn field(&mut self, key: &str, value: &Value) -> Option<()> {
        match key {
            "hostname" => self.set_up.hostname = host_name(&text(value)?)?,
            "fqdn" => {
                let fqdn = text(value)?;
                let short = fqdn.split('.').next().unwrap_or_default();
                self.set_up.hostname = host_name(short)?;
            }
            // What they ask for is so.
            "prefer_fqdn_over_hostname" | "preserve_hostname" if flag(value) == Some(false) => {}
            "manage_etc_hosts" | "ssh_deletekeys" | "ssh_genkeytypes" | "final_message" => {}
            "ssh_pwauth" if flag(value) == Some(false) => {}
            "users" => self.users(value)?,
            "groups" => {
                let groups = users::groups(value, &mut self.set_up.warnings);
                self.set_up.groups.extend(groups);
            }
            "ssh_authorized_keys" => self.keys.extend(texts(value, None)?),
            "ssh_keys" => self.host_keys(value.as_mapping()?),
            "disable_root" => self.disable_root = flag(value)?,
            "write_files" => {
                for file in value.as_sequence()? {
                    self.write_file(file);
                }
            }
            "bootcmd" => self.set_up.boot_script = Some(script(value)?),
            "runcmd" => {
                let content = STANDARD.encode(script(value)?);
                self.set_up.scripts.retain(|(name, _)| name != "runcmd");
                self.script("runcmd".to_owned(), content);
            }
            "package_update" | "apt_update" => self.set_up.package_update = flag(value)?,
            "package_upgrade" | "apt_upgrade" => self.set_up.package_upgrade = flag(value)?,
            "packages" => self.packages(value.as_sequence()?)?,
            _ => return None,
        }
        Some(())
    }

    fn users(&mut self, value: &Value) -> Option<()> {
        for entry in value.as_sequence()? {
            if text(entry).as_deref() == Some("default") {
                continue;
            }
            let user = users::user(entry, &mut self.set_up.warnings);
            self.set_up.users.extend(user);
        }
        Some(())
    }

    fn packages(&mut self, items: &[Value]) -> Option<()> {
        for item in items {
            let package = match item {
                // A name and a version.
                Value::Sequence(_) => texts(item, None)?.join("="),
                _ => text(item)?,
            };
            // An option in its place would be apt's to misunderstand.
            if package.starts_with('-') {
                return None;
            }
            self.set_up.packages.push(package);
        }
        Some(())
    }

    fn host_keys(&mut self, fields: &Mapping) {
        for kind in ["ed25519", "ecdsa", "rsa"] {
            let field = |suffix: &str| fields.get(format!("{kind}_{suffix}")).and_then(text);
            if let Some(private) = field("private") {
                self.set_up.host_keys.push(HostKey {
                    kind: kind.to_owned(),
                    private,
                    public: field("public"),
                });
            }
        }
        for key in fields.keys().filter_map(text) {
            let (kind, role) = key.split_once('_').unwrap_or((&key, ""));
            let known = matches!(kind, "ed25519" | "ecdsa" | "rsa");
            if !known || !matches!(role, "private" | "public") {
                self.warn(&format!(
                    "cloud-config: ssh_keys: {key} is not honoured here"
                ));
            }
        }
    }

    fn write_file(&mut self, value: &Value) {
        match write_file(value) {
            Ok(file) => self.set_up.files.push(file),
            Err(reason) => self.warn(&format!("cloud-config: write_files: {reason}")),
        }
    }
}

fn host_name(name: &str) -> Option<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let valid = !name.is_empty() && name.len() <= 64 && name.chars().all(good);
    valid.then(|| name.to_owned())
}

fn write_file(value: &Value) -> Result<WriteFile, String> {
    let fields = value.as_mapping().ok_or("an entry is not a mapping")?;
    let path = fields
        .get("path")
        .and_then(text)
        .filter(|path| path.starts_with('/'))
        .ok_or("an entry has no absolute path")?;
    let field = |name: &str| fields.get(name).and_then(text);
    for key in fields.keys().filter_map(text) {
        let known = [
            "path",
            "content",
            "encoding",
            "owner",
            "permissions",
            "append",
            "defer",
        ];
        if !known.contains(&key.as_str()) {
            return Err(format!("{path}: {key} is not known"));
        }
    }
    let content = match fields.get("content") {
        None | Some(Value::Null) => String::new(),
        Some(value) => text(value).ok_or_else(|| format!("{path}: the content is not text"))?,
    };
    let encoding = field("encoding").unwrap_or_default();
    let content = decode(&content, &encoding.to_ascii_lowercase())
        .map_err(|reason| format!("{path}: {reason}"))?;
    let mode = match fields.get("permissions") {
        None | Some(Value::Null) => 0o644,
        // A number has been read as octal already, if it was written as such.
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|mode| u32::try_from(mode).ok())
            .ok_or_else(|| format!("{path}: {number} are no permissions"))?,
        Some(value) => {
            let mode = text(value).unwrap_or_default();
            u32::from_str_radix(mode.trim_start_matches("0o"), 8)
                .map_err(|_| format!("{path}: {mode:?} are no permissions"))?
        }
    };
    Ok(WriteFile {
        content: STANDARD.encode(content),
        mode: mode & 0o7777,
        owner: field("owner").unwrap_or_else(|| "root:root".to_owned()),
        append: fields.get("append").and_then(flag).unwrap_or(false),
        defer: fields.get("defer").and_then(flag).unwrap_or(false),
        path,
    })
}

fn decode(content: &str, encoding: &str) -> Result<Vec<u8>, String> {
    let from_base64 = || {
        let joined: String = content.split_ascii_whitespace().collect();
        let decoded = STANDARD.decode(joined);
        decoded.map_err(|error| format!("it is not base64: {error}"))
    };
    let from_gzip = |data: &[u8]| unpack(data).map_err(|error| format!("it is not gzip: {error}"));
    match encoding {
        "" | "text/plain" => Ok(content.as_bytes().to_vec()),
        "b64" | "base64" => from_base64(),
        "gz" | "gzip" => from_gzip(content.as_bytes()),
        "gz+b64" | "gz+base64" | "gzip+b64" | "gzip+base64" => from_gzip(&from_base64()?),
        other => Err(format!("the encoding {other:?} is not known")),
    }
}
