//! Sizes with prices, and limits.

use std::collections::HashMap;

use lazuli_model::offer::Offer;
use serde_json::Value;

use crate::Usage;

/// The virtual machine sizes among SKUs that this subscription may use in the
/// region, cheapest first, those without a price last.
pub(super) fn offers(skus: &[Value], prices: &HashMap<String, u64>, region: &str) -> Vec<Offer> {
    let mut offers: Vec<_> = skus
        .iter()
        .filter(|sku| sku["resourceType"] == "virtualMachines" && !is_refused(sku, region))
        .filter_map(|sku| offer(sku, prices, region))
        .collect();
    offers.sort_by(|a, b| {
        let key = |offer: &Offer| {
            (
                offer.price_micros.unwrap_or(u64::MAX),
                offer.cores,
                offer.mem,
            )
        };
        key(a).cmp(&key(b)).then_with(|| a.size.cmp(&b.size))
    });
    offers
}

fn is_refused(sku: &Value, region: &str) -> bool {
    let here = |value: &Value| {
        value
            .as_str()
            .is_some_and(|location| location.eq_ignore_ascii_case(region))
    };
    let offered = sku["locations"]
        .as_array()
        .is_none_or(|all| all.iter().any(here));
    let restricted = sku["restrictions"].as_array().is_some_and(|restrictions| {
        restrictions
            .iter()
            .any(|restriction| restriction["type"] == "Location")
    });
    !offered || restricted
}

/// The zones of a region that a size can be had in: those that it is listed
/// for, but for those that the subscription may not use.
fn zones(sku: &Value, region: &str) -> Vec<String> {
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let locations = sku["locationInfo"].as_array().into_iter().flatten();
    let here = locations.filter(|info| {
        info["location"]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(region))
    });
    let restrictions = sku["restrictions"].as_array().into_iter().flatten();
    let refused: Vec<String> = restrictions
        .filter(|restriction| restriction["type"] == "Zone")
        .flat_map(|restriction| texts(&restriction["restrictionInfo"]["zones"]))
        .collect();
    let mut zones: Vec<String> = here
        .flat_map(|info| texts(&info["zones"]))
        .filter(|zone| !refused.contains(zone))
        .collect();
    // Azure lists them in any order.
    zones.sort();
    zones
}

fn offer(sku: &Value, prices: &HashMap<String, u64>, region: &str) -> Option<Offer> {
    let capability = |name: &str| {
        sku["capabilities"]
            .as_array()?
            .iter()
            .find(|capability| capability["name"] == name)?["value"]
            .as_str()
    };
    let size = sku["name"].as_str()?;
    let arch = match capability("CpuArchitectureType") {
        Some("Arm64") => "arm64",
        _ => "amd64",
    };
    let gib: f64 = capability("MemoryGB")?.parse().ok()?;
    Some(Offer {
        size: size.to_owned(),
        arch: arch.to_owned(),
        cores: capability("vCPUs")?.parse().ok()?,
        mem: (gib * 1024.0) as u64,
        // Every size takes one.
        interfaces: capability("MaxNetworkInterfaces")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
        zones: zones(sku, region),
        price_micros: prices.get(&size.to_lowercase()).copied(),
        family: sku["family"].as_str().unwrap_or_default().to_owned(),
        limits: Vec::new(),
    })
}

/// Lower-cased size to the price per hour in millionths, from the items of
/// the retail price list: the lowest that is neither spot nor Windows.
pub(super) fn prices(items: &[Value]) -> HashMap<String, u64> {
    let mut prices = HashMap::new();
    for item in items {
        let contains =
            |key: &str, word: &str| item[key].as_str().is_some_and(|text| text.contains(word));
        let other = contains("meterName", "Spot")
            || contains("meterName", "Low Priority")
            || contains("productName", "Windows");
        let (Some(size), Some(price)) = (item["armSkuName"].as_str(), item["retailPrice"].as_f64())
        else {
            continue;
        };
        if !other && price > 0.0 {
            let micros = (price * 1e6) as u64;
            prices
                .entry(size.to_lowercase())
                .and_modify(|known: &mut u64| *known = (*known).min(micros))
                .or_insert(micros);
        }
    }
    prices
}

/// The limits among the items of a usage list, which hold at `scope`.
pub(super) fn usages(items: &[Value], scope: &str) -> Vec<Usage> {
    items
        .iter()
        .filter_map(|item| {
            Some(Usage {
                name: item["name"]["value"].as_str()?.to_owned(),
                used: item["currentValue"].as_u64()?,
                limit: item["limit"].as_u64()?,
                scope: scope.to_owned(),
            })
        })
        .collect()
}
