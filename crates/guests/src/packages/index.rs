//! The index: one flat repository made of the machine's package lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::tools;

use super::version::is_newer;

/// The part of apt that reads lists and fetches files.
pub(super) const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// Raised when the index changes its form.
const VERSION: &str = "1";

/// What guests have no use for: half of the index.
const DROPPED: &[&str] = &[
    "Bugs",
    "Build-Ids",
    "Description-md5",
    "Filename",
    "Ghc-Package",
    "Homepage",
    "Lua-Versions",
    "MD5sum",
    "Maintainer",
    "Origin",
    "Original-Maintainer",
    "Python-Egg-Name",
    "Python-Version",
    "Ruby-Versions",
    "SHA1",
    "Tag",
    "Task",
];

/// A package that can be had.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Package {
    /// Where the machine gets it from.
    pub(super) uri: String,
    pub(super) sha256: String,
    pub(super) size: u64,
}

/// The index as it is served.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    /// `Release`, with the digest of what follows.
    pub(super) release: String,
    /// `Packages`, compressed.
    #[serde(skip)]
    pub(super) packages_gz: Vec<u8>,
    /// By file name.
    pub(super) files: HashMap<String, Package>,
}

impl Index {
    /// The index of this machine, from the cache if its lists are the same.
    /// With `only`, it holds these packages and all that they may need.
    pub(super) fn load(cache: &Path, only: &[String]) -> Result<Self> {
        let lists = lists()?;
        let key = key(&lists, only)?;
        let described = cache.join(format!("index-{key}.json"));
        let compressed = cache.join(format!("index-{key}.gz"));
        if let (Ok(text), Ok(packages_gz)) = (fs::read(&described), fs::read(&compressed))
            && let Ok(index) = serde_json::from_slice::<Self>(&text)
        {
            return Ok(Self {
                packages_gz,
                ..index
            });
        }
        let index = Self::build(&lists, only)?;
        let text = serde_json::to_vec(&index).map_err(|source| Error::Damaged {
            path: described.clone(),
            source,
        })?;
        replace(&compressed, &index.packages_gz)?;
        replace(&described, &text)?;
        Ok(index)
    }

    fn build(lists: &[List], only: &[String]) -> Result<Self> {
        let mut newest: BTreeMap<(String, String), Stanza> = BTreeMap::new();
        for list in lists {
            let path = list.path.to_string_lossy();
            let text = tools::run(Command::new(APT_HELPER).args(["cat-file", &path]), "")?;
            for stanza in text
                .split("\n\n")
                .filter_map(|text| Stanza::read(text, &list.base))
            {
                let key = (stanza.name.clone(), stanza.architecture.clone());
                match newest.get(&key) {
                    Some(known) if !is_newer(&stanza.version, &known.version) => {}
                    _ => drop(newest.insert(key, stanza)),
                }
            }
        }
        let mut stanzas: Vec<Stanza> = newest.into_values().collect();
        if !only.is_empty() {
            stanzas = closure(stanzas, only);
        }
        let mut packages = String::new();
        let mut files = HashMap::new();
        for stanza in stanzas {
            packages.push_str(&stanza.text);
            packages.push_str("Filename: pool/");
            packages.push_str(&stanza.file);
            packages.push_str("\n\n");
            files.insert(stanza.file, stanza.package);
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let packages_gz = packer
            .write_all(packages.as_bytes())
            .and_then(|()| packer.finish())
            .map_err(Error::io("compress the package index"))?;
        Ok(Self {
            release: release(packages.as_bytes(), &packages_gz),
            packages_gz,
            files,
        })
    }
}

/// One of the machine's lists.
struct List {
    /// What file names in it are relative to.
    base: String,
    path: PathBuf,
}

fn lists() -> Result<Vec<List>> {
    let format = "$(ORIGIN)|$(REPO_URI)|$(FILENAME)";
    let output = tools::run(
        Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]),
        "",
    )?;
    let mut found = Vec::new();
    for line in output.lines() {
        if let [origin, base, path] = line.split('|').collect::<Vec<_>>()[..]
            && matches!(origin, "Debian" | "Ubuntu")
        {
            found.push(List {
                base: base.trim_end_matches('/').to_owned(),
                path: PathBuf::from(path),
            });
        }
    }
    if found.is_empty() {
        return Err(Error::Invalid(
            "this machine has no package lists to serve: run apt-get update".to_owned(),
        ));
    }
    Ok(found)
}

/// Changes when the lists do.
fn key(lists: &[List], only: &[String]) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("{VERSION} {DROPPED:?} {only:?}"));
    for list in lists {
        let data = fs::metadata(&list.path).map_err(Error::path("look at", &list.path))?;
        let changed = data.modified().ok();
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hash.update(format!("{:?} {} {changed:?}", list.path, data.len()));
    }
    let mut key = hex::encode(hash.finalize());
    key.truncate(16);
    Ok(key)
}

/// One package of a list.
struct Stanza {
    name: String,
    version: String,
    architecture: String,
    /// The name that its file is served under.
    file: String,
    /// Its fields, without those dropped.
    text: String,
    /// Each a list of alternatives.
    needs: Vec<Vec<String>>,
    provides: Vec<String>,
    package: Package,
}

impl Stanza {
    fn read(text: &str, base: &str) -> Option<Self> {
        let mut fields: HashMap<&str, &str> = HashMap::new();
        let mut kept = String::with_capacity(text.len());
        let mut keep = true;
        for line in text.lines() {
            if !line.starts_with([' ', '\t']) {
                let (key, value) = line.split_once(':')?;
                fields.insert(key, value.trim());
                keep = !DROPPED.contains(&key);
            }
            if keep {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        let field = |name: &str| fields.get(name).map(|value| (*value).to_owned());
        let (name, version) = (field("Package")?, field("Version")?);
        let architecture = field("Architecture")?;
        let mut needs = Vec::new();
        for key in ["Pre-Depends", "Depends", "Recommends"] {
            needs.extend(relations(fields.get(key).copied().unwrap_or_default()));
        }
        let provides = relations(fields.get("Provides").copied().unwrap_or_default());
        Some(Self {
            file: file_name(&name, &version, &architecture)?,
            text: kept,
            needs,
            provides: provides.into_iter().flatten().collect(),
            package: Package {
                uri: format!("{base}/{}", field("Filename")?),
                sha256: field("SHA256")?,
                size: field("Size")?.parse().ok()?,
            },
            name,
            version,
            architecture,
        })
    }
}

/// As apt names the files in its own cache; none for names that no package has.
fn file_name(name: &str, version: &str, architecture: &str) -> Option<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "+-._~%".contains(c);
    let version = version.replace(':', "%3a");
    let file = format!("{name}_{version}_{architecture}.deb");
    (file.chars().all(good) && !file.starts_with('.')).then_some(file)
}

/// `a (>= 1) | b, c:any` as names: what is needed, each with its alternatives.
fn relations(text: &str) -> Vec<Vec<String>> {
    let name = |part: &str| {
        let end = part.find([' ', '(', ':', '[']).unwrap_or(part.len());
        part[..end].to_owned()
    };
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.split('|').map(|part| name(part.trim())).collect())
        .collect()
}

/// The named packages and all that they may need.
fn closure(stanzas: Vec<Stanza>, only: &[String]) -> Vec<Stanza> {
    let mut providers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, stanza) in stanzas.iter().enumerate() {
        providers.entry(&stanza.name).or_default().push(at);
        for name in &stanza.provides {
            providers.entry(name).or_default().push(at);
        }
    }
    let mut open: Vec<usize> = Vec::new();
    for name in only {
        open.extend(providers.get(name.as_str()).into_iter().flatten());
    }
    let mut wanted: BTreeSet<usize> = BTreeSet::new();
    while let Some(at) = open.pop() {
        if !wanted.insert(at) {
            continue;
        }
        for name in stanzas[at].needs.iter().flatten() {
            open.extend(providers.get(name.as_str()).into_iter().flatten());
        }
    }
    stanzas
        .into_iter()
        .enumerate()
        .filter(|(at, _)| wanted.contains(at))
        .map(|(_, stanza)| stanza)
        .collect()
}

fn release(plain: &[u8], compressed: &[u8]) -> String {
    let line = |name: &str, data: &[u8]| {
        let digest = hex::encode(Sha256::digest(data));
        format!(" {digest} {} {name}\n", data.len())
    };
    // apt wants a date, and compares nothing with it: the digests tell.
    format!(
        "Origin: guests\nLabel: guests\nDate: Thu, 01 Jan 1970 00:00:00 UTC\n\
         Description: packages for guests\nSHA256:\n{}{}",
        line("Packages", plain),
        line("Packages.gz", compressed)
    )
}

pub(super) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&partial, content)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(Error::path("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_keeps_what_guests_need() {
        let text = "Package: a\nVersion: 1:2-1\nArchitecture: amd64\nTag: x,\n y\n\
                    Depends: b (>= 1) | c:any, d\nFilename: pool/a.deb\nSize: 7\nSHA256: ff";
        let stanza = Stanza::read(text, "http://host").unwrap();
        assert_eq!(stanza.file, "a_1%3a2-1_amd64.deb");
        assert_eq!(stanza.needs, [vec!["b", "c"], vec!["d"]]);
        assert_eq!(stanza.package.uri, "http://host/pool/a.deb");
        assert!(!stanza.text.contains("Tag") && !stanza.text.contains(" y"));
    }

    #[test]
    fn the_closure_follows_what_is_provided() {
        let stanza = |name: &str, rest: &str| {
            let text = format!(
                "Package: {name}\nVersion: 1\nArchitecture: all\n{rest}Filename: x\nSize: 1\nSHA256: f"
            );
            Stanza::read(&text, "").unwrap()
        };
        let all = vec![
            stanza("a", "Depends: mail\n"),
            stanza("b", "Provides: mail (= 2)\nDepends: c\n"),
            stanza("c", ""),
            stanza("d", ""),
        ];
        let names: Vec<_> = closure(all, &["a".to_owned()])
            .into_iter()
            .map(|stanza| stanza.name)
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
