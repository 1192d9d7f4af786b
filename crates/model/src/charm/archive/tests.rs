use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::charm::{Charm, CharmFiles, EntryKind, MapFiles};

const META: &str = "name: app\nsummary: s\ndescription: d\n";

struct Zip(ZipWriter<Cursor<Vec<u8>>>);

impl Zip {
    fn new() -> Self {
        Self(ZipWriter::new(Cursor::new(Vec::new())))
    }

    fn file(mut self, name: &str, content: &[u8], mode: u32) -> Self {
        self.0
            .start_file(name, SimpleFileOptions::default().unix_permissions(mode))
            .unwrap();
        self.0.write_all(content).unwrap();
        self
    }

    fn link(mut self, name: &str, target: &str) -> Self {
        self.0
            .add_symlink(name, target, SimpleFileOptions::default())
            .unwrap();
        self
    }

    fn bytes(self) -> Vec<u8> {
        self.0.finish().unwrap().into_inner()
    }
}

fn judge(bytes: &[u8]) -> Result<Index, String> {
    check(Cursor::new(bytes), &Limits::default()).map_err(|error| error.to_string())
}

fn refusal(zip: Zip) -> String {
    judge(&zip.bytes()).unwrap_err()
}

/// Replaces all occurrences of some bytes by as many others: names in local and central headers.
fn patched(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut place = 0;
    while place + from.len() <= bytes.len() {
        if &bytes[place..place + from.len()] == from {
            bytes[place..place + from.len()].copy_from_slice(to);
        }
        place += 1;
    }
    bytes
}

#[test]
fn good_archives_are_indexed() {
    let zip = Zip::new()
        .file("metadata.yaml", META.as_bytes(), 0o644)
        .file("hooks/install", b"x", 0o755)
        .link("hooks/start", "install");
    let index = judge(&zip.bytes()).unwrap();
    let shown: Vec<String> = index
        .entries
        .iter()
        .map(|entry| format!("{} {:?} {:o}", entry.path, entry.kind, entry.mode))
        .collect();
    assert_eq!(
        shown,
        [
            "hooks/install File { size: 1 } 755",
            "hooks/start Symlink { target: \"install\" } 777",
            "metadata.yaml File { size: 36 } 644"
        ]
    );
    assert_eq!(index.total, 37);
}

#[test]
fn names_that_lead_out_are_refused() {
    for (name, reason) in [
        ("../x", "the name leads out of the charm"),
        ("a/../../x", "the name leads out of the charm"),
        ("/etc/passwd", "the name is absolute"),
        ("C:/x", "the name begins with a drive"),
        ("a\\b", "the name holds a backslash"),
        ("a//b", "the name has empty parts"),
        ("./a", "the name has empty parts"),
        ("a\nb", "the name holds control characters"),
    ] {
        let placeholder = "q".repeat(name.len());
        let bytes = Zip::new().file(&placeholder, b"x", 0o644).bytes();
        let bytes = patched(&bytes, placeholder.as_bytes(), name.as_bytes());
        assert_eq!(
            judge(&bytes).unwrap_err(),
            format!("entry {name:?}: {reason}")
        );
    }
    let long = refusal(Zip::new().file(&"a/".repeat(3000), b"", 0o644));
    assert!(
        long.ends_with("the name is 6000 bytes long, at most 4096 are accepted"),
        "{long}"
    );
    let part = refusal(Zip::new().file(&"a".repeat(300), b"", 0o644));
    assert!(
        part.ends_with("a part of the name is longer than 255 bytes"),
        "{part}"
    );
}

#[test]
fn links_that_lead_out_are_refused() {
    assert_eq!(
        refusal(Zip::new().link("a", "/etc/passwd")),
        "symlink \"a\" is absolute: \"/etc/passwd\""
    );
    assert_eq!(
        refusal(Zip::new().link("d/a", "../../x")),
        "symlink \"d/a\" links out of charm: \"../../x\""
    );
    assert_eq!(
        refusal(Zip::new().link("b", "s/../x").link("s", ".")),
        "symlink \"s\" links out of charm: \".\"",
        "two harmless links lead out together"
    );
    assert_eq!(
        refusal(Zip::new().link("a", "b").link("b", "a")),
        "symlink \"a\" leads through too many links"
    );
    assert_eq!(
        refusal(Zip::new().link("a", "x").file("a/b", b"", 0o644)),
        "entry \"a/b\": lies below \"a\", which is not a directory"
    );
    assert_eq!(
        refusal(Zip::new().link("a", "x\\y")),
        "entry \"a\": the target of the symlink is not a path"
    );
}

#[test]
fn other_kinds_are_refused() {
    let bytes = Zip::new().file("a", b"x", 0o644).bytes();
    let central = bytes
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    for (mode, reason) in [
        (
            0o020_644_u32,
            "is neither a file, a directory nor a symlink",
        ),
        (0o060_644, "is neither a file, a directory nor a symlink"),
        (0o010_644, "is neither a file, a directory nor a symlink"),
        (0o140_644, "is neither a file, a directory nor a symlink"),
        (0o104_755, "has the setuid or setgid bit"),
        (0o102_755, "has the setuid or setgid bit"),
        (0o040_755, "its name and its mode disagree on what it is"),
    ] {
        let mut changed = bytes.clone();
        changed[central + 38..central + 42].copy_from_slice(&(mode << 16).to_le_bytes());
        assert_eq!(
            judge(&changed).unwrap_err(),
            format!("entry \"a\": {reason}")
        );
    }
    let mut encrypted = bytes;
    encrypted[central + 8] |= 1;
    assert_eq!(judge(&encrypted).unwrap_err(), "entry \"a\": is encrypted");
}

#[test]
fn collisions_are_refused() {
    let twice = patched(
        &Zip::new()
            .file("same1", b"x", 0o644)
            .file("same2", b"y", 0o644)
            .bytes(),
        b"same2",
        b"same1",
    );
    assert_eq!(
        judge(&twice).unwrap_err(),
        "entry \"same1\": stands in the archive twice"
    );
    assert_eq!(
        refusal(
            Zip::new()
                .file("Hooks/a", b"", 0o644)
                .file("hooks/b", b"", 0o644)
        ),
        "entry \"hooks\": collides with \"Hooks\" where case does not matter"
    );
    assert!(
        refusal(
            Zip::new()
                .file("caf\u{e9}", b"", 0o644)
                .file("cafe\u{301}", b"", 0o644)
        )
        .ends_with("where Unicode is normalised")
    );
    assert!(
        judge(
            &Zip::new()
                .file("caf\u{e9}", b"", 0o644)
                .file("caf\u{e8}", b"", 0o644)
                .bytes()
        )
        .is_ok()
    );
}

#[test]
fn a_directory_is_not_read_to_its_end_to_learn_that_it_is_too_large() {
    let mut zip = Zip::new();
    for n in 0..25_000 {
        zip = zip.file(&format!("f{n:05}"), b"", 0o644);
    }
    let limits = Limits {
        entries: 10,
        ..Limits::default()
    };
    let error = check(Cursor::new(zip.bytes()), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the archive has a larger directory than entries may have, at most 10 are accepted"
    );
}

#[test]
fn bombs_and_lies_are_refused() {
    let zeros = vec![0; 8 << 20];
    assert!(
        refusal(Zip::new().file("zeros", &zeros, 0o644))
            .starts_with("entry \"zeros\": unpacks to ")
    );
    let small = Limits {
        entries: 1,
        ..Limits::default()
    };
    let two = Zip::new()
        .file("a", b"", 0o644)
        .file("b", b"", 0o644)
        .bytes();
    assert_eq!(
        check(Cursor::new(&two), &small).unwrap_err().to_string(),
        "the archive has 2 entries, at most 1 are accepted"
    );
    let tight = Limits {
        total: 10,
        ..Limits::default()
    };
    let bytes = Zip::new()
        .file("a", b"0123456789", 0o644)
        .file("b", b"x", 0o644)
        .bytes();
    assert!(
        check(Cursor::new(&bytes), &tight)
            .unwrap_err()
            .to_string()
            .contains("more bytes unpacked")
    );
    let narrow = Limits {
        entry: 5,
        ..Limits::default()
    };
    let error = check(Cursor::new(&bytes), &narrow).unwrap_err().to_string();
    assert_eq!(
        error,
        "entry \"a\": is 10 bytes unpacked, at most 5 are accepted"
    );
    let short = Limits {
        archive: 10,
        ..Limits::default()
    };
    assert!(
        check(Cursor::new(&bytes), &short)
            .unwrap_err()
            .to_string()
            .ends_with("at most 10 are accepted")
    );
    assert!(
        judge(b"no zip at all")
            .unwrap_err()
            .starts_with("not a usable zip archive: ")
    );

    let stored = {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file("a", options).unwrap();
        writer.write_all(b"content").unwrap();
        writer.finish().unwrap().into_inner()
    };
    let crc = patched(&stored, b"content", b"CONTENT");
    assert!(
        judge(&crc)
            .unwrap_err()
            .starts_with("entry \"a\": is damaged: "),
        "the checksum no longer fits"
    );
}

#[test]
fn overlaps_are_refused() {
    let bytes = Zip::new()
        .file("aaaa", b"x", 0o644)
        .file("bbbb", b"y", 0o644)
        .bytes();
    let places: Vec<usize> = (0..bytes.len() - 4)
        .filter(|place| &bytes[*place..place + 4] == b"PK\x01\x02")
        .collect();
    let mut overlapping = bytes;
    // The second entry of the directory points to the header of the first.
    overlapping[places[1] + 42..places[1] + 46].copy_from_slice(&0_u32.to_le_bytes());
    let error = judge(&overlapping).unwrap_err();
    assert!(error.starts_with("entry \"bbbb\": "), "{error}");
}

#[test]
fn packing_is_deterministic_and_keeps_modes_and_links() {
    let files = MapFiles::new()
        .file("metadata.yaml", META)
        .file("hooks/install", "#!/bin/sh\n")
        .symlink("hooks/start", "install")
        .executable("dispatch", "#!/bin/sh\n")
        .file("hooks/common.sh", "")
        .file("src/x.py", "x")
        .file(".git/config", "secret")
        .file("build/x", "x")
        .file("src/build/y", "y")
        .file("src/__pycache__/x.pyc", "x");
    let bytes = pack(&files, "app", &Filter::default()).unwrap();
    assert_eq!(bytes, pack(&files, "app", &Filter::default()).unwrap());
    let packed = ZipFiles::open(bytes, &Limits::default()).unwrap();
    let shown: Vec<String> = packed
        .entries()
        .iter()
        .map(|entry| format!("{} {:o}", entry.path, entry.mode))
        .collect();
    assert_eq!(
        shown,
        [
            "dispatch 755",
            "hooks/common.sh 644",
            "hooks/install 755",
            "hooks/start 777",
            "metadata.yaml 644",
            "src/build/y 644",
            "src/x.py 644"
        ]
    );
    assert_eq!(
        packed.entries()[3].kind,
        EntryKind::Symlink {
            target: "install".to_owned()
        }
    );
    assert_eq!(
        packed.read("src/x.py", 10).unwrap().as_deref(),
        Some(b"x".as_slice())
    );
    assert_eq!(packed.read("src/none", 10).unwrap(), None);
    assert!(packed.read("metadata.yaml", 10).is_err());
    assert!(Charm::parse(&packed, "").unwrap().hooks.hooks["start"].executable);
}

#[test]
fn packing_refuses_what_checking_would() {
    let files = MapFiles::new()
        .file("metadata.yaml", META)
        .symlink("x", "../../etc");
    let error = pack(&files, "app", &Filter::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "symlink \"x\" links out of charm: \"../../etc\""
    );
    let error = pack(&MapFiles::new(), "app", &Filter::default()).unwrap_err();
    assert!(error.to_string().starts_with("app: metadata.yaml: missing"));
}

#[test]
fn ignore_patterns() {
    let filter = Filter::with(
        "# comment\n*.log\n!keep.log\n/top\ndocs/**/draft\ntests/\n[a-c].tmp\n\nvenv/**\n",
    );
    for (path, is_directory, ignored) in [
        (".git", true, true),
        ("sub/.tox", true, true),
        ("build", true, true),
        ("build", false, false),
        ("sub/build", true, false),
        ("app.charm", false, true),
        ("a/b.log", false, true),
        ("a/keep.log", false, false),
        ("top", false, true),
        ("sub/top", false, false),
        ("docs/draft", false, true),
        ("docs/a/b/draft", false, true),
        ("docs/a/final", false, false),
        ("tests", true, true),
        ("tests", false, false),
        ("b.tmp", false, true),
        ("d.tmp", false, false),
        ("venv", true, false),
        ("venv/x/y", false, true),
        ("metadata.yaml", false, false),
    ] {
        assert_eq!(filter.ignores(path, is_directory), ignored, "{path}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_fatal(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = judge(&bytes);
    }

    #[test]
    fn no_damage_is_fatal(place in 0_usize..400, value: u8) {
        let mut bytes = Zip::new().file("metadata.yaml", META.as_bytes(), 0o644).link("a", "metadata.yaml").bytes();
        let place = place % bytes.len();
        bytes[place] = value;
        let _ = judge(&bytes);
    }

    #[test]
    fn no_pattern_is_fatal(patterns in "[a-c*?!/\\[\\]\\\\-]{0,20}", path in "[a-c/]{1,12}") {
        Filter::with(&patterns).ignores(&path, false);
    }
}
