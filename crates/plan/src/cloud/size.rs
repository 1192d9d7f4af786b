//! Which size a machine gets.

use lazuli_model::base::Base;
use lazuli_model::constraints::Constraints;
use lazuli_model::offer::{Limit, Offer};
use lazuli_model::state::Image;

/// What a machine gets at least when nothing is asked for, in MiB (Juju's
/// default for Azure is 1 GiB; its charms are written for twice that).
const DEFAULT_MEM: u64 = 2048;

/// The offers that satisfy the constraints, cheapest first, as they come.
pub(super) fn ranked<'a>(
    offers: &'a [Offer],
    constraints: &'a Constraints,
) -> impl Iterator<Item = &'a Offer> {
    offers.iter().filter(move |offer| fits(offer, constraints))
}

fn fits(offer: &Offer, constraints: &Constraints) -> bool {
    if let Some(wanted) = named(constraints.instance_type.as_deref()) {
        return same_size(&offer.size, wanted);
    }
    let arch = named(constraints.arch.as_deref()).unwrap_or("amd64");
    offer.arch == arch
        && offer.cores >= at_least(constraints.cores, 1) as u32
        && offer.mem >= at_least(constraints.mem, DEFAULT_MEM)
}

/// The limit of the subscription that a machine of this size would exceed.
pub(super) fn lacking(offer: &Offer) -> Option<&Limit> {
    offer.limits.iter().find(|limit| !limit.has_room())
}

/// A value that is not cleared.
fn named(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn at_least(value: Option<u64>, default: u64) -> u64 {
    value.filter(|value| *value > 0).unwrap_or(default)
}

/// Sizes are compared without case; `Standard_` may be left out (as in Juju).
fn same_size(offer: &str, wanted: &str) -> bool {
    let strip = |size: &str| {
        let size = size.to_lowercase();
        size.strip_prefix("standard_")
            .map_or_else(|| size.clone(), str::to_owned)
    };
    strip(offer) == strip(wanted)
}

/// Canonical's image for a base. From 24.04 on offers are named by their
/// version, before that by their series (Juju, `provider/azure`).
pub(super) fn image(base: &Base, arch: &str) -> Option<Image> {
    let arm = arch == "arm64";
    let (offer, sku) = match base.release() {
        "20.04" => ("0001-com-ubuntu-server-focal", old_sku("20_04", arm)),
        "22.04" => ("0001-com-ubuntu-server-jammy", old_sku("22_04", arm)),
        "24.04" => ("ubuntu-24_04-lts", new_sku(arm)),
        "26.04" => ("ubuntu-26_04-lts", new_sku(arm)),
        _ => return None,
    };
    Some(Image {
        publisher: "Canonical".to_owned(),
        offer: offer.to_owned(),
        sku,
        version: "latest".to_owned(),
    })
}

/// The image of a URN, as Azure's tools write it.
pub(super) fn named_image(urn: &str) -> Option<Image> {
    let mut parts = urn.split(':').map(str::to_owned);
    let image = Image {
        publisher: parts.next()?,
        offer: parts.next()?,
        sku: parts.next()?,
        version: parts.next()?,
    };
    let all = [&image.publisher, &image.offer, &image.sku, &image.version];
    (parts.next().is_none() && all.iter().all(|part| !part.is_empty())).then_some(image)
}

fn new_sku(arm: bool) -> String {
    if arm { "server-arm64" } else { "server" }.to_owned()
}

fn old_sku(version: &str, arm: bool) -> String {
    let suffix = if arm { "arm64" } else { "gen2" };
    format!("{version}-lts-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(size: &str, arch: &str, cores: u32, mem: u64) -> Offer {
        Offer {
            interfaces: 4,
            size: size.to_owned(),
            arch: arch.to_owned(),
            cores,
            mem,
            zones: Vec::new(),
            price_micros: None,
            family: "f".to_owned(),
            limits: Vec::new(),
        }
    }

    #[test]
    fn constraints_are_minima_and_the_cheapest_comes_first() {
        let offers = [
            offer("Standard_B1s", "amd64", 1, 1024),
            offer("Standard_B2pls_v2", "arm64", 2, 4096),
            offer("Standard_B2s", "amd64", 2, 4096),
            offer("Standard_D4s_v5", "amd64", 4, 16384),
        ];
        let sizes = |text: &str| -> Vec<String> {
            let constraints = text.parse().expect("constraints");
            ranked(&offers, &constraints)
                .map(|offer| offer.size.clone())
                .collect()
        };
        assert_eq!(sizes(""), ["Standard_B2s", "Standard_D4s_v5"]);
        assert_eq!(
            sizes("mem=512M"),
            ["Standard_B1s", "Standard_B2s", "Standard_D4s_v5"]
        );
        assert_eq!(sizes("cores=3"), ["Standard_D4s_v5"]);
        assert_eq!(sizes("arch=arm64"), ["Standard_B2pls_v2"]);
        assert_eq!(sizes("instance-type=b1s"), ["Standard_B1s"]);
        assert_eq!(sizes("mem=1T"), Vec::<String>::new());
    }

    #[test]
    fn images_are_named_as_canonical_names_them() {
        let image = |base: &str, arch| image(&base.parse().expect("base"), arch);
        let noble = image("ubuntu@24.04", "amd64").expect("an image");
        assert_eq!(
            (noble.offer.as_str(), noble.sku.as_str()),
            ("ubuntu-24_04-lts", "server")
        );
        let jammy = image("ubuntu@22.04", "arm64").expect("an image");
        assert_eq!(
            (jammy.offer.as_str(), jammy.sku.as_str()),
            ("0001-com-ubuntu-server-jammy", "22_04-lts-arm64")
        );
    }
}
