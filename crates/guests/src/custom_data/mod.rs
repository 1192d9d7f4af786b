//! Custom data, understood as cloud-init would.
//!
//! All of it is read here, on the machine's side; the guest's init gets a
//! plain list of things to do. What is not honoured is a warning in the
//! guest's `result.json`, never silence.

mod cloud_config;
mod mime;
mod users;
mod values;

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::boot::SetUp;
use crate::error::{Error, Result};
use crate::spec::GuestSpec;

/// Azure's limit, of the decoded custom data.
const MAX_CUSTOM_DATA: usize = 64 * 1024;
/// What a compressed part may grow to.
const MAX_UNPACKED: u64 = 8 * 1024 * 1024;
/// Parts of a multipart message.
const MAX_PARTS: usize = 64;

/// Refuses what cannot become a guest.
pub(crate) fn check(spec: &GuestSpec) -> Result<()> {
    if spec.custom_data.len() > MAX_CUSTOM_DATA {
        return Err(Error::Invalid(format!(
            "custom data has {} bytes; {MAX_CUSTOM_DATA} are allowed",
            spec.custom_data.len()
        )));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    for (what, text) in [
        ("host name", &spec.hostname),
        ("instance id", &spec.instance_id),
    ] {
        if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.chars().all(good) {
            return Err(Error::Invalid(format!("{text:?} is no {what}")));
        }
    }
    match &spec.admin {
        Some(admin) if !users::is_name(&admin.name) => {
            Err(Error::Invalid(format!("{:?} is no user name", admin.name)))
        }
        _ => Ok(()),
    }
}

/// A machine id that stays with the instance.
pub(crate) fn machine_id(instance_id: &str) -> String {
    let mut id = hex::encode(Sha256::digest(format!("machine-id {instance_id}")));
    id.truncate(32);
    id
}

/// The first boot of a guest.
pub(crate) fn set_up(spec: &GuestSpec) -> SetUp {
    let mut plan = cloud_config::Plan::new(
        spec.admin.as_ref(),
        SetUp {
            instance_id: spec.instance_id.clone(),
            hostname: spec.hostname.clone(),
            ..SetUp::default()
        },
    );
    let mut parts = 0;
    part(&spec.custom_data, &mut plan, &mut parts);
    plan.finish()
}

/// Takes one part in, by what it begins with.
fn part(data: &[u8], plan: &mut cloud_config::Plan, parts: &mut usize) {
    *parts += 1;
    if *parts > MAX_PARTS {
        plan.warn("custom data has too many parts; the rest is ignored");
        return;
    }
    if data.starts_with(&[0x1f, 0x8b]) {
        match unpack(data) {
            Ok(data) => part(&data, plan, parts),
            Err(error) => plan.warn(&format!("custom data cannot be unpacked: {error}")),
        }
        return;
    }
    let text = String::from_utf8_lossy(data);
    let start = text.trim_start();
    let lower = start.get(..64).unwrap_or(start).to_ascii_lowercase();
    if start.is_empty() {
        *parts -= 1;
    } else if start.starts_with("#!") {
        let name = format!("part-{parts:03}");
        plan.script(name, STANDARD.encode(data));
    } else if start.starts_with("#cloud-config") {
        plan.cloud_config(start);
    } else if lower.starts_with("content-type:") || lower.starts_with("mime-version:") {
        match mime::parts(&text) {
            Ok(found) => {
                *parts -= 1;
                for data in found {
                    part(&data, plan, parts);
                }
            }
            Err(reason) => plan.warn(&format!("multipart custom data is ignored: {reason}")),
        }
    } else {
        let first: String = start
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(40)
            .collect();
        plan.warn(&format!(
            "custom data that begins with {first:?} is ignored: neither #cloud-config nor a script"
        ));
    }
}

/// Unpacks gzip, within a limit.
fn unpack(data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(data)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > MAX_UNPACKED {
        return Err(std::io::Error::other(format!(
            "it is larger than {MAX_UNPACKED} bytes"
        )));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests;
