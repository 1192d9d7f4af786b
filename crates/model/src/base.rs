//! The operating system that a machine runs: `ubuntu@24.04`.

use std::fmt;
use std::str::FromStr;

use crate::text::{excerpt, serde_as_text};

/// Ubuntu's releases by their series names, oldest first.
const UBUNTU_SERIES: [(&str, &str); 11] = [
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
    ("kinetic", "22.10"),
    ("lunar", "23.04"),
    ("mantic", "23.10"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
];

/// The releases that machines can run, by preference where a charm leaves the choice.
const SUPPORTED: [&str; 4] = ["24.04", "22.04", "20.04", "26.04"];

const RISKS: [&str; 4] = ["stable", "candidate", "beta", "edge"];

/// A text that is not a base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// Neither `os@channel` nor the name of a series.
    #[error(
        "invalid base {0:?}: must be an operating system, @ and a release, such as ubuntu@24.04, or the name of a series"
    )]
    Malformed(String),
    /// A channel that is not `release` or `release/risk`.
    #[error(
        "invalid channel in base {0:?}: must be a release with an optional /stable, /candidate, /beta or /edge"
    )]
    Channel(String),
}

/// A base: an operating system, its release and the risk of its channel (stable unless said).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Base {
    os: String,
    release: String,
    risk: &'static str,
}

impl Default for Base {
    /// What a machine runs when nobody says anything: `ubuntu@24.04`.
    fn default() -> Self {
        Self::ubuntu("24.04")
    }
}

impl Base {
    fn ubuntu(release: &str) -> Self {
        Self {
            os: "ubuntu".to_owned(),
            release: release.to_owned(),
            risk: "stable",
        }
    }

    /// The base of a series by its name (`jammy`), or `None` for a name that is not one.
    pub fn from_series(series: &str) -> Option<Self> {
        UBUNTU_SERIES
            .iter()
            .find(|(name, _)| *name == series)
            .map(|(_, release)| Self::ubuntu(release))
    }

    /// Reads the name and the channel of a base as a manifest or a status gives them: `ubuntu`, `22.04/stable`.
    pub fn from_parts(os: &str, channel: &str) -> Result<Self, BaseError> {
        format!("{os}@{channel}").parse()
    }

    /// The operating system: `ubuntu`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The release: `24.04`.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The channel as status shows it: `24.04`, with the risk only if it is not stable.
    pub fn channel(&self) -> String {
        match self.risk {
            "stable" => self.release.clone(),
            risk => format!("{}/{risk}", self.release),
        }
    }

    /// The name of the series, where Ubuntu gave it one: `noble`.
    pub fn series(&self) -> Option<&'static str> {
        let named = UBUNTU_SERIES
            .iter()
            .find(|(_, release)| self.os == "ubuntu" && *release == self.release);
        named.map(|(name, _)| *name)
    }

    /// Whether machines can run it.
    pub fn is_supported(&self) -> bool {
        self.os == "ubuntu" && SUPPORTED.contains(&self.release.as_str())
    }

    /// The best of `bases` that machines can run, or `None`: the newest long-term release that has settled.
    pub fn preferred<'a>(bases: impl IntoIterator<Item = &'a Self>) -> Option<&'a Self> {
        let rank = |base: &Self| {
            SUPPORTED
                .iter()
                .position(|release| *release == base.release)
        };
        bases
            .into_iter()
            .filter(|base| base.is_supported())
            .min_by_key(|base| rank(base))
    }
}

impl FromStr for Base {
    type Err = BaseError;

    fn from_str(text: &str) -> Result<Self, BaseError> {
        let malformed = || BaseError::Malformed(excerpt(text));
        let Some((os, channel)) = text.split_once('@') else {
            return Self::from_series(text).ok_or_else(malformed);
        };
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if os.is_empty() || os.len() > 32 || !os.bytes().all(lower) {
            return Err(malformed());
        }
        let (release, risk) = channel.split_once('/').unwrap_or((channel, "stable"));
        let risk = RISKS.iter().find(|known| **known == risk);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        match risk {
            Some(risk)
                if !release.is_empty() && release.len() <= 32 && release.bytes().all(plain) =>
            {
                Ok(Self {
                    os: os.to_owned(),
                    release: release.to_owned(),
                    risk,
                })
            }
            _ => Err(BaseError::Channel(excerpt(text))),
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.os, self.channel()))
    }
}

serde_as_text!(Base);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (given, printed) in [
            ("ubuntu@24.04", "ubuntu@24.04"),
            ("ubuntu@24.04/stable", "ubuntu@24.04"),
            ("ubuntu@22.04/edge", "ubuntu@22.04/edge"),
            ("jammy", "ubuntu@22.04"),
            ("centos@7", "centos@7"),
        ] {
            assert_eq!(given.parse::<Base>().unwrap().to_string(), printed);
        }
        for bad in [
            "",
            "ubuntu",
            "ubuntu@",
            "@24.04",
            "ubuntu@24.04/risky",
            "ubuntu@24.04/edge/x",
            "Ubuntu@24.04",
            "warty",
        ] {
            assert!(bad.parse::<Base>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn series_and_support() {
        assert_eq!(Base::default().series(), Some("noble"));
        assert!(Base::default().is_supported());
        assert!(!Base::from_series("xenial").unwrap().is_supported());
        let bases: Vec<Base> = ["bionic", "focal", "jammy"]
            .map(|name| name.parse().unwrap())
            .to_vec();
        assert_eq!(Base::preferred(&bases).unwrap().series(), Some("jammy"));
    }

    #[test]
    fn serde_is_text() {
        let base: Base = serde_json::from_str("\"noble\"").unwrap();
        assert_eq!(serde_json::to_string(&base).unwrap(), "\"ubuntu@24.04\"");
        assert!(serde_json::from_str::<Base>("\"x\"").is_err());
    }
}
