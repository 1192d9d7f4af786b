//! Archives as an attacker would make them.

use std::io::{Cursor, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!(
            "lazuli-runner-archive-{name}-{}",
            std::process::id()
        ));
        files::remove_tree(&dir).unwrap();
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn unpack(&self, archive: &[u8], bounds: &Bounds) -> Result<Vec<String>, String> {
        let path = self.0.join("charm.zip");
        fs::write(&path, archive).unwrap();
        let into = self.0.join("out");
        files::remove_tree(&into).unwrap();
        unpack(&path, &into, bounds).map_err(|error| crate::error::describe(&error))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        files::remove_tree(&self.0).unwrap();
    }
}

/// An archive of files (name, mode with its type, content).
fn archive(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, _, content) in entries {
        let options = SimpleFileOptions::default();
        if let Some(name) = name.strip_suffix('/') {
            zip.add_directory(name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
    }
    let mut bytes = zip.finish().unwrap().into_inner();
    for (index, (_, mode, _)) in entries.iter().enumerate() {
        let at = directory(&bytes, index);
        bytes[at + 5] = 3;
        bytes[at + 38..at + 42].copy_from_slice(&(mode << 16).to_le_bytes());
    }
    bytes
}

/// Where the n-th record of the central directory begins.
fn directory(bytes: &[u8], index: usize) -> usize {
    let number = |at: usize, size: usize| {
        bytes[at..at + size]
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let mut at = number(bytes.len() - 6, 4);
    for _ in 0..index {
        at += 46 + number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
    }
    at
}

/// Replaces a name by one of the same length, which no writer would write.
fn rename(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

#[test]
fn a_charm_is_unpacked_with_its_modes_and_links() {
    let dir = Dir::new("good");
    let bytes = archive(&[
        ("hooks/", 0o040_777, b""),
        ("dispatch", 0o106_755, b"#!/bin/sh\n"),
        ("hooks/install", 0o120_777, b"../dispatch"),
        ("src/deep/charm.py", 0o100_664, b"print()\n"),
        ("plain", 0, b"x"),
    ]);
    let paths = dir.unpack(&bytes, &BOUNDS).unwrap();
    assert_eq!(
        paths,
        [
            "dispatch",
            "hooks",
            "hooks/install",
            "plain",
            "src",
            "src/deep",
            "src/deep/charm.py"
        ]
    );
    let out = dir.0.join("out");
    let mode = |name: &str| fs::metadata(out.join(name)).unwrap().mode() & 0o7777;
    // Neither setuid nor writable for others.
    assert_eq!(mode("dispatch"), 0o755);
    assert_eq!(mode("hooks"), 0o755);
    assert_eq!(mode("src/deep/charm.py"), 0o644);
    assert_eq!(mode("plain"), 0o644);
    let link = fs::read_link(out.join("hooks/install")).unwrap();
    assert_eq!(link, Path::new("../dispatch"));
}

#[test]
fn nothing_leads_out() {
    let dir = Dir::new("out");
    let file = 0o100_644;
    let plain = |name: &str| rename(archive(&[("AAAAAAAA", file, b"x")]), "AAAAAAAA", name);
    for (bytes, why) in [
        (plain("../../xx"), "leads out"),
        (plain("a/../../"), "leads out"),
        (plain("/etc/xxx"), "absolute"),
        (plain("C:\\x\\abc"), "not allowed"),
        (plain("a\0bcdefg"), "not allowed"),
        (plain("a//bcdef"), "empty name"),
        (
            archive(&[("link", 0o120_777, b"/etc/passwd")]),
            "is absolute",
        ),
        (archive(&[("a/link", 0o120_777, b"../../x")]), "leads out"),
        (
            archive(&[("AAAA", 0o120_777, b"x"), ("BBBB/f", file, b"x")]),
            "",
        ),
        (archive(&[("device", 0o020_644, b"")]), "neither a file"),
        (archive(&[("fifo", 0o010_644, b"")]), "neither a file"),
        (archive(&[("socket", 0o140_644, b"")]), "neither a file"),
        (archive(&[("dir/", file, b"")]), "neither a file"),
    ] {
        let result = dir.unpack(&bytes, &BOUNDS);
        if why.is_empty() {
            result.unwrap();
            // A file below a link, which two names of one length make.
            let both = rename(bytes, "BBBB", "AAAA");
            let error = dir.unpack(&both, &BOUNDS).unwrap_err();
            assert!(error.contains("no directory"), "{error}");
        } else {
            let error = result.unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
    let twice = archive(&[("AAAA", file, b"x"), ("BBBB", file, b"y")]);
    let error = dir.unpack(&rename(twice, "BBBB", "AAAA"), &BOUNDS);
    assert!(error.is_err());
    let names = files::names(&dir.0).unwrap();
    assert!(
        names
            .iter()
            .all(|name| name == "charm.zip" || name == "out"),
        "{names:?}"
    );
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let dir = Dir::new("bombs");
    let bounds = Bounds {
        entries: 3,
        total: 1 << 20,
        ratio: 10,
        free: 10_000,
    };
    let zeros = vec![0; 200_000];
    let error = dir
        .unpack(&archive(&[("a", 0o100_644, &zeros)]), &bounds)
        .unwrap_err();
    assert!(error.contains("200000 bytes unpacked are over"), "{error}");
    let many: Vec<String> = (0..4).map(|n| format!("f{n}")).collect();
    let many: Vec<(&str, u32, &[u8])> = many
        .iter()
        .map(|name| (name.as_str(), 0o100_644, b"".as_slice()))
        .collect();
    let error = dir.unpack(&archive(&many), &bounds).unwrap_err();
    assert!(
        error.contains("4 entries are over the limit of 3"),
        "{error}"
    );
    assert!(!dir.0.join("out").exists());
}

#[test]
fn entries_that_lie_are_refused() {
    let dir = Dir::new("lies");
    let zeros = vec![0; 100_000];
    let good = archive(&[("a", 0o100_644, &zeros), ("b", 0o100_644, b"content")]);
    dir.unpack(&good, &BOUNDS).unwrap();
    let field = |offset: usize, value: u32| {
        let mut bytes = good.clone();
        let at = directory(&bytes, 0) + offset;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    // Checksum, unpacked size (to get under the limit), and where it begins.
    for bytes in [field(16, 0xdead_beef), field(24, 10), field(42, 7)] {
        assert!(dir.unpack(&bytes, &BOUNDS).is_err());
        let unpacked = fs::metadata(dir.0.join("out/a")).map_or(0, |file| file.len());
        assert!(unpacked <= 100_000);
    }
    // Two entries that share their bytes.
    let mut shared = good.clone();
    let at = directory(&shared, 1) + 42;
    shared[at..at + 4].copy_from_slice(&0u32.to_le_bytes());
    assert!(dir.unpack(&shared, &BOUNDS).is_err());
    // More entries than there are, a comment, zip64, no zip.
    let mut counted = good.clone();
    let at = counted.len() - 12;
    counted[at..at + 2].copy_from_slice(&9u16.to_le_bytes());
    assert!(dir.unpack(&counted, &BOUNDS).is_err());
    let mut comment = good.clone();
    let at = comment.len() - 2;
    comment[at] = 1;
    comment.push(b'x');
    for bytes in [comment, b"PK".to_vec(), Vec::new(), vec![0; 100]] {
        let error = dir.unpack(&bytes, &BOUNDS).unwrap_err();
        assert!(error.contains("no zip archive"), "{error}");
    }
    let mut huge = good;
    let at = huge.len() - 12;
    huge[at..at + 2].copy_from_slice(&u16::MAX.to_le_bytes());
    let error = dir.unpack(&huge, &BOUNDS).unwrap_err();
    assert!(error.contains("zip64"), "{error}");
}

/// Cut or changed anywhere, an archive is refused or unpacked inside.
#[test]
fn damaged_archives_do_no_harm() {
    let dir = Dir::new("damaged");
    let good = archive(&[
        ("hooks/install", 0o100_755, b"#!/bin/sh\necho hello\n"),
        ("hooks/start", 0o120_777, b"install"),
        ("metadata.yaml", 0o100_644, b"name: a\n"),
    ]);
    let bounds = Bounds {
        free: 100_000,
        ..BOUNDS
    };
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            drop(dir.unpack(&bytes, &bounds));
        }
        assert!(dir.unpack(&good[..at], &bounds).is_err());
        let names = files::names(&dir.0).unwrap();
        assert!(names.len() <= 2, "{names:?}");
    }
}
