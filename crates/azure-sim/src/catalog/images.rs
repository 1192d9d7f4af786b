//! Images, and which flavour of guest stands for them.

use lazuli_guests::Flavour;

use super::sizes::Arch;

/// An image of the marketplace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) publisher: &'static str,
    pub(crate) offer: &'static str,
    pub(crate) sku: &'static str,
    pub(crate) arch: Arch,
    /// `None`: the default flavour.
    pub(crate) flavour: Option<Flavour>,
    pub(crate) gen2: bool,
    /// The one version there is.
    pub(crate) version: &'static str,
}

const fn canonical(
    offer: &'static str,
    sku: &'static str,
    arch: Arch,
    gen2: bool,
    version: &'static str,
) -> Image {
    Image {
        publisher: "Canonical",
        offer,
        sku,
        arch,
        flavour: None,
        gen2,
        version,
    }
}

const fn guest(sku: &'static str, flavour: Flavour) -> Image {
    Image {
        publisher: "Canonical",
        offer: "lazuli-guest",
        sku,
        arch: Arch::X64,
        flavour: Some(flavour),
        gen2: true,
        version: "1.0.0",
    }
}

const NOBLE: &str = "24.04.202410170";
const JAMMY: &str = "22.04.202410020";
const FOCAL: &str = "20.04.202410230";

/// The images offered.
const IMAGES: &[Image] = &[
    guest("lean", Flavour::Lean),
    guest("server", Flavour::Full),
    canonical("ubuntu-24_04-lts", "server", Arch::X64, true, NOBLE),
    canonical("ubuntu-24_04-lts", "server-gen1", Arch::X64, false, NOBLE),
    canonical("ubuntu-24_04-lts", "server-arm64", Arch::Arm64, true, NOBLE),
    canonical("ubuntu-24_04-lts", "minimal", Arch::X64, true, NOBLE),
    canonical(
        "ubuntu-24_04-lts",
        "minimal-arm64",
        Arch::Arm64,
        true,
        NOBLE,
    ),
    canonical(
        "0001-com-ubuntu-server-jammy",
        "22_04-lts",
        Arch::X64,
        false,
        JAMMY,
    ),
    canonical(
        "0001-com-ubuntu-server-jammy",
        "22_04-lts-gen2",
        Arch::X64,
        true,
        JAMMY,
    ),
    canonical(
        "0001-com-ubuntu-server-jammy",
        "22_04-lts-arm64",
        Arch::Arm64,
        true,
        JAMMY,
    ),
    canonical(
        "0001-com-ubuntu-server-focal",
        "20_04-lts",
        Arch::X64,
        false,
        FOCAL,
    ),
    canonical(
        "0001-com-ubuntu-server-focal",
        "20_04-lts-gen2",
        Arch::X64,
        true,
        FOCAL,
    ),
    canonical(
        "0001-com-ubuntu-server-focal",
        "20_04-lts-arm64",
        Arch::Arm64,
        true,
        FOCAL,
    ),
    canonical(
        "UbuntuServer",
        "16.04-LTS",
        Arch::X64,
        false,
        "16.04.202109280",
    ),
    canonical(
        "UbuntuServer",
        "18.04-LTS",
        Arch::X64,
        false,
        "18.04.202401161",
    ),
    canonical(
        "UbuntuServer",
        "18_04-lts-gen2",
        Arch::X64,
        true,
        "18.04.202401161",
    ),
];

/// The image of a reference; all parts without case.
pub(crate) fn image(
    publisher: &str,
    offer: &str,
    sku: &str,
    version: &str,
) -> Option<&'static Image> {
    IMAGES.iter().find(|image| {
        image.publisher.eq_ignore_ascii_case(publisher)
            && image.offer.eq_ignore_ascii_case(offer)
            && image.sku.eq_ignore_ascii_case(sku)
            && (version.eq_ignore_ascii_case("latest") || version == image.version)
    })
}

/// The images of a publisher and, if given, an offer.
pub(crate) fn skus_of<'a>(
    publisher: &'a str,
    offer: Option<&'a str>,
) -> impl Iterator<Item = &'static Image> + 'a {
    IMAGES.iter().filter(move |image| {
        image.publisher.eq_ignore_ascii_case(publisher)
            && offer.is_none_or(|offer| image.offer.eq_ignore_ascii_case(offer))
    })
}
