//! What may be in a charm's archive. Pure.
//!
//! Names that differ only by case or by Unicode form are different files
//! where charms run, so they are not refused.

use std::collections::BTreeMap;

/// The longest path, in bytes.
const PATH_MAX: usize = 1024;

/// The longest name in a path, in bytes.
const NAME_MAX: usize = 255;

/// How many directories a path may go down.
const DEPTH_MAX: usize = 64;

/// How many links may lead from one to the next.
const HOPS_MAX: usize = 40;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A directory.
    Dir,
    /// A file.
    File,
    /// A symbolic link to this.
    Link(String),
}

/// An entry's path: relative, without `.`, `..` or anything that is not a
/// name; without a slash at the end.
pub(super) fn path(raw: &[u8]) -> Result<String, String> {
    let shown = || format!("{:?}", String::from_utf8_lossy(&raw[..raw.len().min(200)]));
    let refuse = |why: &str| Err(format!("entry {}: {why}", shown()));
    let Ok(text) = std::str::from_utf8(raw) else {
        return refuse("its name is not UTF-8");
    };
    if text.len() > PATH_MAX {
        return refuse("its name is too long");
    }
    if text.starts_with('/') {
        return refuse("its path is absolute");
    }
    if text.contains('\\') || text.chars().any(char::is_control) {
        return refuse("its name has characters that are not allowed");
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    let mut names = Vec::new();
    for name in text.split('/') {
        match name {
            ".." => return refuse("its path leads out of the charm"),
            "" => return refuse("its path has an empty name"),
            "." => {}
            name if name.len() > NAME_MAX => return refuse("its name is too long"),
            name => names.push(name),
        }
    }
    if names.len() > DEPTH_MAX {
        return refuse("its path goes too deep");
    }
    Ok(names.join("/"))
}

/// Checks that the entries together make a tree from which no link leads out.
pub(super) fn tree(entries: &[(String, Kind)]) -> Result<(), String> {
    let mut kinds: BTreeMap<&str, &Kind> = BTreeMap::new();
    for (path, kind) in entries {
        if kinds.insert(path, kind).is_some() {
            return Err(format!("entry {path:?} appears more than once"));
        }
    }
    for path in kinds.keys() {
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            if !matches!(kinds.get(parent), None | Some(Kind::Dir)) {
                return Err(format!(
                    "entry {path:?} is below {parent:?}, which is no directory"
                ));
            }
        }
    }
    for (path, kind) in entries {
        if let Kind::Link(target) = kind {
            link(&kinds, path, target).map_err(|why| format!("link {path:?}: {why}"))?;
        }
    }
    Ok(())
}

/// Follows a link as the kernel would; other links on the way included, since
/// two harmless ones can lead out together.
fn link(kinds: &BTreeMap<&str, &Kind>, path: &str, target: &str) -> Result<(), String> {
    let mut place: Vec<&str> = path.split('/').collect();
    place.pop();
    let mut ahead: Vec<&str> = target.split('/').rev().collect();
    let mut hops = 0;
    if target.is_empty() || target.len() > PATH_MAX || target.contains('\0') {
        return Err("its target is not a path".to_owned());
    }
    if target.starts_with('/') {
        return Err(format!("its target {target:?} is absolute"));
    }
    while let Some(name) = ahead.pop() {
        match name {
            "" | "." => continue,
            ".." => {
                if place.pop().is_none() {
                    return Err(format!("its target {target:?} leads out of the charm"));
                }
                continue;
            }
            name => place.push(name),
        }
        if let Some(Kind::Link(next)) = kinds.get(place.join("/").as_str()) {
            hops += 1;
            if hops > HOPS_MAX {
                return Err("too many links follow each other".to_owned());
            }
            // The target of that one is checked to be relative by itself.
            place.pop();
            ahead.extend(next.split('/').rev());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for (raw, clean) in [
            ("hooks/install", "hooks/install"),
            ("hooks/", "hooks"),
            ("./a/./b", "a/b"),
            ("venv/Ünï.py", "venv/Ünï.py"),
            ("...", "..."),
        ] {
            assert_eq!(path(raw.as_bytes()).unwrap(), clean);
        }
        for bad in [
            "../x",
            "a/../../x",
            "a/..",
            "/etc/passwd",
            "C:\\x",
            "a\\..\\x",
            "a//b",
            "a\0b",
            "a\nb",
            "//x",
            "",
        ] {
            assert!(path(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(path(b"a\xff").is_err());
        assert!(path("x".repeat(256).as_bytes()).is_err());
        assert!(path("x/".repeat(65).as_bytes()).is_err());
        assert!(path("xxxxxxxx/".repeat(600).as_bytes()).is_err());
    }

    fn check(entries: &[(&str, Kind)]) -> Result<(), String> {
        let entries: Vec<(String, Kind)> = entries
            .iter()
            .map(|(path, kind)| ((*path).to_owned(), kind.clone()))
            .collect();
        tree(&entries)
    }

    fn to(target: &str) -> Kind {
        Kind::Link(target.to_owned())
    }

    #[test]
    fn links_stay_inside() {
        check(&[
            ("hooks", Kind::Dir),
            ("hooks/install", to("../src/charm.py")),
            ("hooks/start", to("install")),
            ("src/charm.py", Kind::File),
            ("dangling", to("nowhere/at/all")),
            ("deep/a", to("./b/../c")),
        ])
        .unwrap();
        for bad in [
            vec![("a", to(".."))],
            vec![("a", to("/etc"))],
            vec![("a", to(""))],
            vec![("d/a", to("../../x"))],
            vec![("a", to("b")), ("b", to("a"))],
            // Each is inside by its words; together they lead out.
            vec![
                ("deep/a/b/link", to("../../../top")),
                ("z", to("deep/a/b/link/../../..")),
            ],
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nothing_is_below_a_file_or_a_link() {
        for kind in [Kind::File, to("b")] {
            let error = check(&[("a", kind), ("a/x", Kind::File)]).unwrap_err();
            assert!(error.contains("no directory"), "{error}");
        }
        assert!(check(&[("a", Kind::File), ("a", Kind::File)]).is_err());
        check(&[("a", Kind::File), ("A", Kind::File)]).unwrap();
    }
}
