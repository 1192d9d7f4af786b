//! Channels: `track/risk/branch`.

use std::fmt;
use std::str::FromStr;

/// The risks, least first.
const RISKS: [&str; 4] = ["stable", "candidate", "beta", "edge"];
/// The track of who names none.
const TRACK: &str = "latest";

/// A channel of the store. Ordered as Juju lists them: by track, then by
/// risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Such as `latest` or `14`.
    pub track: String,
    /// `stable`, `candidate`, `beta` or `edge`.
    pub risk: String,
    /// For a while, beside the risk.
    pub branch: Option<String>,
}

/// What is no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "channel {0:?} not valid: a channel is TRACK/RISK/BRANCH, such as latest/stable or 14/edge"
)]
pub struct ChannelError(String);

impl FromStr for Channel {
    type Err = ChannelError;

    /// `stable`, `14`, `14/stable`, `stable/fix`, `14/stable/fix`.
    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let wrong = || ChannelError(text.chars().take(64).collect());
        let parts: Vec<&str> = text.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty()
                && part.len() <= 64
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
        };
        if !parts.iter().all(plain) {
            return Err(wrong());
        }
        let is_risk = |part: &str| RISKS.contains(&part);
        let (track, risk, branch) = match parts.as_slice() {
            [risk] if is_risk(risk) => (TRACK, *risk, None),
            [track] => (*track, RISKS[0], None),
            [risk, branch] if is_risk(risk) => (TRACK, *risk, Some(*branch)),
            [track, risk] if is_risk(risk) => (*track, *risk, None),
            [track, risk, branch] if is_risk(risk) => (*track, *risk, Some(*branch)),
            _ => return Err(wrong()),
        };
        Ok(Self {
            track: track.to_owned(),
            risk: risk.to_owned(),
            branch: branch.map(str::to_owned),
        })
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.track, self.risk)?;
        match &self.branch {
            Some(branch) => write!(f, "/{branch}"),
            None => Ok(()),
        }
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            track: TRACK.to_owned(),
            risk: RISKS[0].to_owned(),
            branch: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_jujus() {
        let read = |text: &str| text.parse::<Channel>().map(|found| found.to_string());
        for (text, whole) in [
            ("stable", "latest/stable"),
            ("edge", "latest/edge"),
            ("14", "14/stable"),
            ("14/edge", "14/edge"),
            ("edge/fix-1", "latest/edge/fix-1"),
            ("2.0/beta/x", "2.0/beta/x"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(whole), "{text}");
        }
        for bad in ["", "/", "a/b", "a/b/c/d", "14/", "a b", "14/stable/"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(Channel::default().to_string(), "latest/stable");
    }
}
