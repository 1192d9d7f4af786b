//! A model's own settings.

use std::collections::BTreeSet;

use lazuli_api::ModelConfigChange;
use lazuli_model::state::Row;

use super::{Draft, Refusal, deploy, model_keys, spaces};

/// Keys of users that a model may have.
const MOST_KEYS: usize = 1000;
/// Bytes of one key.
const LONGEST_KEY: usize = 8192;

/// Sets and resets settings.
pub(crate) fn change_model_config(
    draft: &mut Draft<'_>,
    change: &ModelConfigChange,
) -> Result<(), Refusal> {
    let mut row = draft.state.model().clone();
    for (key, value) in &change.set {
        if change.reset.contains(key) {
            return Err(Refusal::invalid(format!(
                "key {key:?} cannot be both set and reset in the same command"
            )));
        }
        let read = model_keys::read(key, value)?;
        if let Some(notice) = read.notice {
            draft.notice(notice);
        }
        if key == "default-space" && !read.text.is_empty() {
            spaces::check(&row, &read.text)?;
        }
        row.config.insert(key.clone(), read.text);
    }
    for key in &change.reset {
        model_keys::check_mutable(key)?;
        row.config.remove(key);
    }
    draft.put(Row::Model(row));
    Ok(())
}

/// Replaces the constraints of all machines to come.
pub(crate) fn set_model_constraints(draft: &mut Draft<'_>, text: &str) -> Result<(), Refusal> {
    let mut row = draft.state.model().clone();
    row.constraints = deploy::new_constraints(draft, Some(text))?;
    draft.put(Row::Model(row));
    Ok(())
}

/// Adds keys of users; those that are there already stay as they are.
pub(crate) fn add_authorized_keys(draft: &mut Draft<'_>, keys: &[String]) -> Result<(), Refusal> {
    let mut all = draft.state.model().authorized_keys.clone();
    all.extend_from_slice(keys);
    set_authorized_keys(draft, &all)
}

/// Replaces the keys of users.
pub(crate) fn set_authorized_keys(draft: &mut Draft<'_>, keys: &[String]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for key in keys {
        check_authorized_key(key)?;
        let material: Vec<&str> = key.split_whitespace().take(2).collect();
        if seen.insert(material) {
            kept.push(key.trim().to_owned());
        }
    }
    if kept.len() > MOST_KEYS {
        return Err(Refusal::invalid(format!(
            "a model can have {MOST_KEYS} SSH keys at most"
        )));
    }
    let mut row = draft.state.model().clone();
    row.authorized_keys = kept;
    draft.put(Row::Model(row));
    Ok(())
}

/// Refuses what is no public key in OpenSSH's one-line form. Options in front
/// are refused too: they are the controller's to give.
pub(crate) fn check_authorized_key(line: &str) -> Result<(), Refusal> {
    use base64::Engine as _;
    const KINDS: [&str; 6] = [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
    ];
    let shown: String = line.chars().take(40).collect();
    let invalid = |why: &str| Refusal::invalid(format!("invalid ssh key {shown:?}: {why}"));
    if line.len() > LONGEST_KEY || line.chars().any(char::is_control) {
        return Err(invalid("it must be one line"));
    }
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(invalid("it must begin with its type, such as ssh-ed25519"));
    }
    let material = words.next().unwrap_or_default();
    let decoded = base64::engine::general_purpose::STANDARD.decode(material);
    // The blob repeats the type, after its length.
    let named = decoded.is_ok_and(|blob| {
        let length = u32::try_from(kind.len()).unwrap_or(0).to_be_bytes();
        blob.starts_with(&length) && blob[4..].starts_with(kind.as_bytes())
    });
    if named {
        return Ok(());
    }
    Err(invalid("the key itself cannot be read"))
}
