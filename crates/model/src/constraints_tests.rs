use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Constraints {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn prints_in_one_order_whatever_was_given() {
    for (given, printed) in [
        ("", ""),
        ("mem=4G cores=2", "cores=2 mem=4096M"),
        ("cpu-cores=4", "cores=4"),
        ("mem=1.5G root-disk=0.1M", "mem=1536M root-disk=1M"),
        ("root-disk=1T mem=512", "mem=512M root-disk=1048576M"),
        ("zones=1,2 spaces=db,^dmz", "spaces=db,^dmz zones=1,2"),
        ("cores= mem= arch= zones=", "arch= cores= mem= zones="),
        ("allocate-public-ip=F", "allocate-public-ip=false"),
        ("allocate-public-ip=", ""),
        (
            "  image-id=a:b:c \t instance-type=Standard_D2s_v5",
            "instance-type=Standard_D2s_v5 image-id=a:b:c",
        ),
        ("tags=a\\ b,c", "tags=a\\ b,c"),
    ] {
        assert_eq!(parse(given).to_string(), printed);
        assert_eq!(parse(printed), parse(given));
    }
}

#[test]
fn errors_are_jujus() {
    for (given, text) in [
        ("cores", "malformed constraint \"cores\""),
        ("=2", "malformed constraint \"=2\""),
        ("color=red", "unknown constraint \"color\""),
        (
            "cores=2 cpu-cores=3",
            "bad \"cores\" constraint: already set",
        ),
        (
            "cores=-1",
            "bad \"cores\" constraint: must be a non-negative integer",
        ),
        (
            "mem=-1",
            "bad \"mem\" constraint: must be a non-negative float with optional M/G/T/P suffix",
        ),
        (
            "mem=4X",
            "bad \"mem\" constraint: must be a non-negative float with optional M/G/T/P suffix",
        ),
        (
            "mem=NaN",
            "bad \"mem\" constraint: must be a non-negative float with optional M/G/T/P suffix",
        ),
        (
            "mem=1e300P",
            "bad \"mem\" constraint: must be a non-negative float with optional M/G/T/P suffix",
        ),
        (
            "allocate-public-ip=maybe",
            "bad \"allocate-public-ip\" constraint: must be 'true' or 'false'",
        ),
        (
            "arch=z80",
            "bad \"arch\" constraint: \"z80\" not recognized",
        ),
        (
            "spaces=^A",
            "bad \"spaces\" constraint: \"A\" is not a valid space name",
        ),
    ] {
        assert_eq!(given.parse::<Constraints>().unwrap_err().to_string(), text);
    }
}

#[test]
fn json_has_integers_of_mebibytes() {
    let constraints = parse("mem=8G cores=2 root-disk=30G zones=1");
    let json = serde_json::to_string(&constraints).unwrap();
    assert_eq!(
        json,
        r#"{"cores":2,"mem":8192,"root-disk":30720,"zones":["1"]}"#
    );
    assert_eq!(
        serde_json::from_str::<Constraints>(&json).unwrap(),
        constraints
    );
    assert!(serde_json::from_str::<Constraints>(r#"{"colour":"red"}"#).is_err());
}

#[test]
fn upper_layer_wins_key_by_key() {
    let over = |upper: &str, lower: &str| {
        parse(upper)
            .over(&parse(lower))
            .without_cleared()
            .to_string()
    };
    assert_eq!(over("cores=4", "cores=2 mem=1G"), "cores=4 mem=1024M");
    assert_eq!(over("cores=", "cores=2 mem=1G"), "mem=1024M");
    assert_eq!(
        over("instance-type=a", "cores=2 mem=1G arch=arm64 zones=1"),
        "instance-type=a zones=1"
    );
    assert_eq!(
        over("mem=1G", "instance-type=a root-disk=1G"),
        "mem=1024M root-disk=1024M"
    );
    assert_eq!(over("cores=", "instance-type=a"), "instance-type=a");
}

#[test]
fn one_layer_may_not_say_both() {
    let error = parse("instance-type=a mem=1G")
        .check_conflicts()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ambiguous constraints: \"instance-type\" overlaps with \"mem\""
    );
    assert_eq!(
        parse("instance-type=a root-disk=1G").check_conflicts(),
        Ok(())
    );
}

proptest! {
    #[test]
    fn round_trip(
        cores in proptest::option::of(0_u64..10_000),
        mem in proptest::option::of(0_u64..1 << 40),
        zones in proptest::option::of(proptest::collection::vec("[a-z0-9]{1,4}", 0..3)),
        image in proptest::option::of("[a-zA-Z0-9:/ .-]{0,20}"),
        public: Option<bool>,
    ) {
        let constraints = Constraints { cores, mem, zones, image_id: image, allocate_public_ip: public, ..Constraints::default() };
        prop_assert_eq!(&parse(&constraints.to_string()), &constraints);
        let json = serde_json::to_string(&constraints).unwrap();
        prop_assert_eq!(serde_json::from_str::<Constraints>(&json).unwrap(), constraints);
    }

    #[test]
    fn no_text_is_fatal(text in "\\PC*") {
        let _ = text.parse::<Constraints>();
    }
}

#[test]
fn what_means_nothing_here_is_named() {
    let unsupported = |text: &str| parse(text).unsupported();
    assert_eq!(
        unsupported("tags=a virt-type=kvm cpu-power=100 cores=2"),
        ["cpu-power", "tags", "virt-type"]
    );
    assert!(unsupported("cores=2 zones=1 tags= virt-type= cpu-power=0").is_empty());
}
