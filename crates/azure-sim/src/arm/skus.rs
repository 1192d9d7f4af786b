//! Sizes on sale, their prices, and images.

use serde_json::{Value, json};

use super::common::World;
use crate::catalog::{Arch, REGIONS, Region, SIZES, Size, region, skus_of};
use crate::error::ArmError;

fn capabilities(size: &Size) -> Value {
    let truth = |truth: bool| if truth { "True" } else { "False" }.to_owned();
    let list = [
        ("MaxResourceVolumeMB", size.temp_mb.to_string()),
        ("OSVhdSizeMB", "1047552".to_owned()),
        ("vCPUs", size.cores.to_string()),
        ("MemoryGB", size.memory_gb.to_string()),
        ("MaxDataDiskCount", size.data_disks.to_string()),
        ("CpuArchitectureType", size.arch.text().to_owned()),
        (
            "HyperVGenerations",
            if size.arch == Arch::Arm64 {
                "V2"
            } else {
                "V1,V2"
            }
            .to_owned(),
        ),
        (
            "LowPriorityCapable",
            truth(!size.name.starts_with("Standard_B")),
        ),
        ("PremiumIO", truth(true)),
        ("VMDeploymentTypes", "IaaS".to_owned()),
        ("vCPUsAvailable", size.cores.to_string()),
        ("vCPUsPerCore", "2".to_owned()),
        ("EphemeralOSDiskSupported", truth(size.temp_mb > 30 * 1024)),
        ("EncryptionAtHostSupported", truth(true)),
        ("AcceleratedNetworkingEnabled", truth(size.cores > 1)),
        ("RdmaEnabled", truth(false)),
        ("MaxNetworkInterfaces", size.nics.to_string()),
    ];
    list.into_iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

fn sku(world: &World<'_>, size: &Size, region: &Region) -> Value {
    let zones = if region.zones {
        &["1", "2", "3"][..]
    } else {
        &[]
    };
    let mut restrictions = Vec::new();
    let named = |location: &Option<String>| {
        location
            .as_ref()
            .is_none_or(|location| location.eq_ignore_ascii_case(region.name))
    };
    for restriction in &world.tuning.restrictions {
        if !restriction.name.eq_ignore_ascii_case(size.name) || !named(&restriction.location) {
            continue;
        }
        restrictions.push(if restriction.zones.is_empty() {
            location_restriction(region)
        } else {
            json!({
                "type": "Zone",
                "values": [region.name],
                "restrictionInfo": {"locations": [region.name], "zones": restriction.zones},
                "reasonCode": "NotAvailableForSubscription",
            })
        });
    }
    if size.arch == Arch::Arm64 && !world.arm64 {
        restrictions.push(location_restriction(region));
    }
    json!({
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.trim_start_matches("Standard_"),
        "family": size.family,
        "locations": [region.name],
        "locationInfo": [{"location": region.name, "zones": zones, "zoneDetails": []}],
        "capabilities": capabilities(size),
        "restrictions": restrictions,
    })
}

fn location_restriction(region: &Region) -> Value {
    json!({
        "type": "Location",
        "values": [region.name],
        "restrictionInfo": {"locations": [region.name]},
        "reasonCode": "NotAvailableForSubscription",
    })
}

/// The list of SKUs; `filter` is `location eq 'x'`, as in Azure the only one.
pub(crate) fn list(world: &World<'_>, filter: Option<&str>) -> Result<Value, ArmError> {
    let wanted = match filter {
        None => None,
        Some(filter) => Some(equal(filter, "location").ok_or_else(|| {
            ArmError::new(
                400,
                "InvalidFilter",
                format!("The filter '{filter}' is not supported; use: location eq 'eastus'."),
            )
        })?),
    };
    let only = wanted.as_deref().map(region);
    let list: Vec<Value> = REGIONS
        .iter()
        .filter(|region| only.is_none_or(|only| only == Some(*region)))
        .flat_map(|region| SIZES.iter().map(move |size| sku(world, size, region)))
        .collect();
    Ok(json!({"value": list}))
}

/// The value of `name eq 'value'` in an OData filter of conditions joined by `and`.
fn equal(filter: &str, name: &str) -> Option<String> {
    filter.split(" and ").find_map(|condition| {
        let (field, value) = condition.trim().split_once(" eq ")?;
        let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        field
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.to_owned())
    })
}

/// Sizes in the older form, `.../locations/{l}/vmSizes`.
pub(crate) fn vm_sizes() -> Value {
    let list: Vec<Value> = SIZES
        .iter()
        .map(|size| {
            json!({
                "name": size.name,
                "numberOfCores": size.cores,
                "osDiskSizeInMB": 1_047_552,
                "resourceDiskSizeInMB": size.temp_mb,
                "memoryInMB": size.memory_gb * 1024.0,
                "maxDataDiskCount": size.data_disks,
            })
        })
        .collect();
    json!({"value": list})
}

/// Retail prices, with the filters `armRegionName`, `armSkuName`, `serviceName`
/// and `priceType`.
pub(crate) fn prices(filter: Option<&str>) -> Value {
    let filter = filter.unwrap_or_default();
    let matches = |name: &str, value: &str| {
        equal(filter, name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let mut items = Vec::new();
    for region in REGIONS
        .iter()
        .filter(|region| matches("armRegionName", region.name))
    {
        for size in SIZES.iter().filter(|size| matches("armSkuName", size.name)) {
            if !matches("serviceName", "Virtual Machines") || !matches("priceType", "Consumption") {
                continue;
            }
            items.push(price(region, size));
        }
    }
    json!({
        "BillingCurrency": "USD",
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Count": items.len(),
        "Items": items,
        "NextPageLink": null,
    })
}

fn price(region: &Region, size: &Size) -> Value {
    let micros = size.price_micros * u64::from(region.price_percent) / 100;
    // Prices are below 10^9 millionths: exact in a double.
    let dollars = f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1e6;
    let short = size.name.trim_start_matches("Standard_").replace('_', " ");
    json!({
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": dollars,
        "unitPrice": dollars,
        "armRegionName": region.name,
        "location": region.display,
        "effectiveStartDate": "2024-01-01T00:00:00Z",
        "meterName": short,
        "productName": format!("Virtual Machines {} Series", size.family_display.trim_start_matches("Standard ").trim_end_matches(" Family vCPUs")),
        "skuName": short,
        "serviceName": "Virtual Machines",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": true,
        "armSkuName": size.name,
    })
}

/// `publishers/{p}/artifacttypes/vmimage/offers[/{o}/skus[/{s}/versions[/{v}]]]`:
/// what follows `vmimage`.
pub(crate) fn images(
    subscription: &str,
    location: &str,
    publisher: &str,
    rest: &[String],
) -> Option<Value> {
    let base = format!(
        "/Subscriptions/{subscription}/Providers/Microsoft.Compute/Locations/{location}/Publishers/{publisher}/ArtifactTypes/VMImage"
    );
    let entry = |id: String, name: &str| json!({"id": id, "name": name, "location": location});
    let is = |index: usize, word: &str| {
        rest.get(index)
            .is_some_and(|part| part.eq_ignore_ascii_case(word))
    };
    if !is(0, "offers") {
        return None;
    }
    match rest.len() {
        1 => {
            let mut offers: Vec<&str> = skus_of(publisher, None).map(|image| image.offer).collect();
            offers.dedup();
            Some(
                offers
                    .iter()
                    .map(|offer| entry(format!("{base}/Offers/{offer}"), offer))
                    .collect(),
            )
        }
        3 if is(2, "skus") => Some(
            skus_of(publisher, Some(&rest[1]))
                .map(|image| {
                    entry(
                        format!("{base}/Offers/{}/Skus/{}", image.offer, image.sku),
                        image.sku,
                    )
                })
                .collect(),
        ),
        5 | 6 if is(2, "skus") && is(4, "versions") => {
            let image = skus_of(publisher, Some(&rest[1]))
                .find(|image| image.sku.eq_ignore_ascii_case(&rest[3]))?;
            let id = format!(
                "{base}/Offers/{}/Skus/{}/Versions/{}",
                image.offer, image.sku, image.version
            );
            let mut version = entry(id, image.version);
            if rest.len() == 5 {
                return Some(json!([version]));
            }
            if rest[5] != image.version && !rest[5].eq_ignore_ascii_case("latest") {
                return None;
            }
            version["properties"] = json!({
                "hyperVGeneration": if image.gen2 { "V2" } else { "V1" },
                "architecture": image.arch.text(),
                "osDiskImage": {"operatingSystem": "Linux"},
                "dataDiskImages": [],
            });
            Some(version)
        }
        _ => None,
    }
}
