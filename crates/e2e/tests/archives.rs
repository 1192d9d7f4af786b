//! Archives that mean harm, and charms that make no sense: each is refused
//! with the reason, and nothing comes of it.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::fs;
use std::io::Write;
use std::path::Path;

use lazuli_e2e::Lazuli;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const METADATA: &str = "name: evil\nsummary: s\ndescription: d\nseries: [noble]\n";

/// An archive of a charm that `more` adds to.
fn archive(path: &Path, more: impl FnOnce(&mut ZipWriter<fs::File>)) -> String {
    let file = fs::File::create(path).expect("a file");
    let mut zip = ZipWriter::new(file);
    zip.start_file("metadata.yaml", stored()).expect("an entry");
    zip.write_all(METADATA.as_bytes()).expect("its text");
    more(&mut zip);
    zip.finish().expect("an archive");
    path.display().to_string()
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// A directory of a charm that `more` adds to.
fn directory(path: &Path, more: impl FnOnce(&Path)) -> String {
    fs::create_dir(path).expect("a directory");
    fs::write(path.join("metadata.yaml"), METADATA).expect("a file");
    more(path);
    path.display().to_string()
}

/// Replaces a size wherever it stands.
fn swollen(bytes: &[u8], (from, to): (u32, u32)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (from, to) = (from.to_le_bytes(), to.to_le_bytes());
    for at in 0..bytes.len() - 3 {
        if bytes[at..at + 4] == from {
            bytes[at..at + 4].copy_from_slice(&to);
        }
    }
    bytes
}

#[test]
fn what_is_no_charm_is_refused() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let entry = |name: &'static str| {
        move |zip: &mut ZipWriter<fs::File>| {
            zip.start_file(name, stored()).expect("an entry");
            zip.write_all(b"x").expect("its text");
        }
    };

    let climbs = archive(&at("climbs.charm"), entry("../../../../tmp/climbed"));
    let absolute = archive(&at("absolute.charm"), entry("/tmp/climbed"));
    let links = archive(&at("links.charm"), |zip| {
        zip.add_symlink("secret", "../../etc/passwd", stored())
            .expect("an entry");
    });
    let bomb = archive(&at("bomb.charm"), |zip| {
        zip.start_file("zeros", SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(&vec![0; 600 << 10]).expect("zeros");
    });
    // As one of 600 MiB would look, without the time to make it.
    let sizes = (600_u32 << 10, 600_u32 << 20);
    fs::write(&bomb, swollen(&fs::read(&bomb).expect("the bomb"), sizes)).expect("a file");
    let cut = at("cut.charm");
    let whole = fs::read(&climbs).expect("the archive");
    fs::write(&cut, &whole[..whole.len() / 2]).expect("a file");
    let link_out = directory(&at("link-out"), |charm| {
        std::os::unix::fs::symlink("../../../etc/passwd", charm.join("secret")).expect("a link");
    });
    let twice = directory(&at("twice"), |charm| {
        fs::write(
            charm.join("metadata.yaml"),
            format!("{METADATA}name: again\n"),
        )
        .expect("a file");
    });
    let wrong_default = directory(&at("wrong-default"), |charm| {
        let text = "options:\n  port:\n    type: int\n    default: many\n";
        fs::write(charm.join("config.yaml"), text).expect("a file");
    });
    let swelling = directory(&at("swelling"), |charm| {
        let mut text = METADATA.to_owned() + "a: &a [x, x, x, x, x, x, x, x, x]\n";
        for (name, of) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")] {
            let many = vec![format!("*{of}"); 9].join(", ");
            let line = format!("{name}: &{name} [{many}]\n");
            text.push_str(&line);
        }
        fs::write(charm.join("metadata.yaml"), text).expect("a file");
    });
    let nothing = at("nothing");
    fs::create_dir(&nothing).expect("a directory");

    for (what, why) in [
        (
            climbs.as_str(),
            "this is no charm: entry \"../../../../tmp/climbed\": the name leads out of the charm",
        ),
        (
            &absolute,
            "this is no charm: entry \"/tmp/climbed\": the name is absolute",
        ),
        (
            &links,
            "this is no charm: symlink \"secret\" links out of charm: \"../../etc/passwd\"",
        ),
        (
            &bomb,
            "this is no charm: entry \"zeros\": is 629145600 bytes unpacked, at most 536870912 \
             are accepted",
        ),
        (
            &cut.display().to_string(),
            "this is no charm: not a usable zip archive: invalid Zip archive: Could not find EOCD",
        ),
        (
            &link_out,
            "cannot pack the charm: symlink \"secret\" links out of charm: \"../../../etc/passwd\"",
        ),
        (
            &twice,
            "cannot pack the charm: TMP/twice: metadata.yaml:5: duplicate key \"name\", first on \
             line 1",
        ),
        (
            &wrong_default,
            "cannot pack the charm: TMP/wrong-default: config.yaml:4: invalid config default: \
             option \"port\" expected int, got \"many\"",
        ),
        (
            &swelling,
            "cannot pack the charm: TMP/swelling: metadata.yaml:10: the document grows beyond 12 \
             MiB, by its size or by its aliases",
        ),
        (
            &nothing.display().to_string(),
            "cannot pack the charm: TMP/nothing: metadata.yaml: missing: a charm has a metadata.yaml \
             (or a charmcraft.yaml) at its root",
        ),
    ] {
        let expected = format!("! ERROR {why}\n[exit 1]");
        lazuli.shows(&format!("deploy {what}"), &expected);
    }
    assert!(
        !Path::new("/tmp/climbed").exists(),
        "an archive climbed out"
    );
    let status = lazuli.status().expect("a status");
    assert_eq!(status.0["applications"], serde_json::json!({}));
    lazuli.destroy("m");
}
