//! What a unit's hooks wrote about themselves.

use std::collections::BTreeMap;

/// The log of a unit of this crate's charms.
#[derive(Clone, Debug)]
pub struct Log(pub String);

/// How often each hook ran, by its name and its remote unit.
pub type Ran = BTreeMap<String, usize>;

impl Log {
    /// Counts the hooks.
    ///
    /// # Errors
    /// When a hook began before the last one ended.
    pub fn ran(&self) -> Result<Ran, String> {
        let mut ran = Ran::new();
        let mut running: Option<&str> = None;
        for line in self.0.lines() {
            match (line.split_once(' '), running) {
                (Some(("begin", hook)), None) => running = Some(hook),
                (Some(("end", hook)), Some(begun)) if begun == hook => {
                    *ran.entry(hook.to_owned()).or_default() += 1;
                    running = None;
                }
                _ => return Err(format!("out of order at {line:?} in:\n{}", self.0)),
            }
        }
        Ok(ran)
    }
}
