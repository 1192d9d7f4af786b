//! Regions.

/// A region, and whether it has availability zones.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) name: &'static str,
    pub(crate) display: &'static str,
    pub(crate) geography: &'static str,
    pub(crate) zones: bool,
    /// Prices here in percent of those of `eastus`.
    pub(crate) price_percent: u32,
}

const fn region_of(
    name: &'static str,
    display: &'static str,
    geography: &'static str,
    zones: bool,
    price_percent: u32,
) -> Region {
    Region {
        name,
        display,
        geography,
        zones,
        price_percent,
    }
}

/// The regions offered.
pub(crate) const REGIONS: [Region; 21] = [
    region_of("eastus", "East US", "US", true, 100),
    region_of("eastus2", "East US 2", "US", true, 100),
    region_of("northcentralus", "North Central US", "US", false, 113),
    region_of("westcentralus", "West Central US", "US", false, 113),
    region_of("southcentralus", "South Central US", "US", true, 113),
    region_of("canadacentral", "Canada Central", "Canada", true, 112),
    region_of("brazilsouth", "Brazil South", "Brazil", true, 162),
    region_of("centralus", "Central US", "US", true, 113),
    region_of("westus", "West US", "US", false, 117),
    region_of("westus2", "West US 2", "US", true, 100),
    region_of("westus3", "West US 3", "US", true, 100),
    region_of("northeurope", "North Europe", "Europe", true, 111),
    region_of("westeurope", "West Europe", "Europe", true, 119),
    region_of("uksouth", "UK South", "UK", true, 116),
    region_of("francecentral", "France Central", "France", true, 117),
    region_of(
        "germanywestcentral",
        "Germany West Central",
        "Germany",
        true,
        119,
    ),
    region_of("swedencentral", "Sweden Central", "Sweden", true, 106),
    region_of(
        "switzerlandnorth",
        "Switzerland North",
        "Switzerland",
        true,
        131,
    ),
    region_of("australiaeast", "Australia East", "Australia", true, 125),
    region_of("japaneast", "Japan East", "Japan", true, 129),
    region_of("southeastasia", "Southeast Asia", "Asia Pacific", true, 125),
];

/// The region of a name (`eastus`) or a display name (`East US`), without case.
pub(crate) fn region(text: &str) -> Option<&'static Region> {
    let wanted: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    REGIONS.iter().find(|region| region.name == wanted)
}
