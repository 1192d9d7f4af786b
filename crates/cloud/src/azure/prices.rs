//! Reading the retail price list, which needs no token.

use serde_json::Value;

use super::Azure;
use super::error::unanswered;
use crate::CloudError;

/// Pages of the price list, at most.
const MAX_PRICE_PAGES: usize = 50;

impl Azure {
    /// The items of the retail price list for a region.
    pub(super) async fn prices(&self, region: &str) -> Result<Vec<Value>, CloudError> {
        let what = format!("read the prices of {region}");
        let failed = |error: reqwest::Error| unanswered(&what, error.to_string(), false);
        let filter = format!(
            "serviceName eq 'Virtual Machines' and armRegionName eq '{region}' and priceType eq 'Consumption'"
        );
        let mut url = self.prices.clone();
        url.set_path("/api/retail/prices");
        url.query_pairs_mut().append_pair("$filter", &filter);
        let mut items = Vec::new();
        let mut next = Some(url);
        for _ in 0..MAX_PRICE_PAGES {
            let Some(url) = next.take() else { break };
            let answer = self.client.get(url).send().await.map_err(failed)?;
            let mut page: Value = answer
                .error_for_status()
                .map_err(failed)?
                .json()
                .await
                .map_err(failed)?;
            if let Value::Array(more) = page["Items"].take() {
                items.extend(more);
            }
            next = page["NextPageLink"]
                .as_str()
                .and_then(|link| link.parse().ok());
        }
        Ok(items)
    }
}
