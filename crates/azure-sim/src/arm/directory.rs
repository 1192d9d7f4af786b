//! Subscriptions, tenants, locations, resource providers, and the documents
//! that clients read before anything else.

use serde_json::{Value, json};

use crate::catalog::{REGIONS, Region};
use crate::ids::{KINDS, Kind};
use crate::settings::Settings;

pub(crate) fn subscription(settings: &Settings, id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": id,
        "tenantId": settings.tenant,
        "displayName": "azure-sim",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

pub(crate) fn subscriptions(settings: &Settings) -> Value {
    let list: Vec<Value> = settings
        .subscriptions
        .iter()
        .map(|id| subscription(settings, id))
        .collect();
    json!({"value": list, "count": {"type": "Total", "value": list.len()}})
}

pub(crate) fn tenants(settings: &Settings) -> Value {
    json!({"value": [{
        "id": format!("/tenants/{}", settings.tenant),
        "tenantId": settings.tenant,
        "tenantCategory": "Home",
        "displayName": "azure-sim",
        "countryCode": "US",
        "domains": [],
    }]})
}

pub(crate) fn locations(subscription: &str) -> Value {
    let list: Vec<Value> = REGIONS
        .iter()
        .map(|region| location(subscription, region))
        .collect();
    json!({"value": list})
}

fn location(subscription: &str, region: &Region) -> Value {
    let mut location = json!({
        "id": format!("/subscriptions/{subscription}/locations/{}", region.name),
        "name": region.name,
        "type": "Region",
        "displayName": region.display,
        "regionalDisplayName": format!("({}) {}", region.geography, region.display),
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended",
            "geography": region.geography,
            "geographyGroup": region.geography,
            "pairedRegion": [],
        },
    });
    if region.zones {
        location["availabilityZoneMappings"] = (1..=3)
            .map(|zone| json!({"logicalZone": zone.to_string(), "physicalZone": format!("{}-az{zone}", region.name)}))
            .collect();
    }
    location
}

/// The namespaces that are registered.
const NAMESPACES: [&str; 3] = [
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.Resources",
];

fn provider_of(subscription: &str, namespace: &str) -> Value {
    let locations: Vec<&str> = REGIONS.iter().map(|region| region.display).collect();
    let types: Vec<Value> = KINDS
        .into_iter()
        .filter(|kind| kind.namespace() == namespace)
        .map(|kind| {
            let name = match kind.parent() {
                Some(parent) => format!("{}/{}", parent.segment(), kind.segment()),
                None => kind.segment().to_owned(),
            };
            json!({
                "resourceType": name,
                "locations": if kind == Kind::Group { Vec::new() } else { locations.clone() },
                "apiVersions": ["2024-07-01", "2024-03-01", "2021-04-01"],
            })
        })
        .collect();
    json!({
        "id": format!("/subscriptions/{subscription}/providers/{namespace}"),
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": types,
    })
}

pub(crate) fn providers(subscription: &str) -> Value {
    let list: Vec<Value> = NAMESPACES
        .iter()
        .map(|namespace| provider_of(subscription, namespace))
        .collect();
    json!({"value": list})
}

pub(crate) fn provider(subscription: &str, namespace: &str) -> Option<Value> {
    NAMESPACES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(namespace))
        .map(|namespace| provider_of(subscription, namespace))
}

/// `/metadata/endpoints`, by which `az cloud register` learns of this cloud.
pub(crate) fn metadata(settings: &Settings, base: &str) -> Value {
    json!({
        "name": "azure-sim",
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": settings.tenant,
            "identityProvider": "AAD",
        },
        "graph": base,
        "graphAudience": base,
        "microsoftGraphResourceId": base,
        "media": base,
        "batch": base,
        "gallery": base,
        "resourceManager": format!("{base}/"),
        "sqlManagement": base,
        "activeDirectoryDataLake": base,
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
        },
    })
}

/// `/{tenant}/v2.0/.well-known/openid-configuration`.
pub(crate) fn openid(base: &str, tenant: &str) -> Value {
    json!({
        "issuer": format!("{base}/{tenant}/v2.0"),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["code", "token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["HS256"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "tenant_region_scope": null,
        "cloud_instance_name": "azure-sim",
    })
}
