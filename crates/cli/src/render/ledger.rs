//! `cloud ledger` for people.

use lazuli_model::document::ledger::Ledger;
use time::{Duration, OffsetDateTime};

use super::table::Table;

/// Hours of a month, as Azure counts them.
const MONTH: f64 = 730.0;

/// A line for each resource, then what is not accounted for, then the balance.
pub(crate) fn text(ledger: &Ledger, now: OffsetDateTime) -> String {
    let mut table = Table::new(&[
        "Resource", "Kind", "Owner", "State", "At cloud", "Age", "USD/h", "Message",
    ])
    .right(6);
    for row in &ledger.resources {
        table.row([
            row.name.clone(),
            row.kind.clone(),
            row.owner.clone(),
            row.state.clone(),
            if row.at_cloud { "yes" } else { "no" }.to_owned(),
            age(now - row.created),
            row.hourly_cost.map_or_else(String::new, price),
            row.trouble.clone(),
        ]);
    }
    let mut text = match ledger.resources.is_empty() {
        true => String::new(),
        false => table.text() + "\n",
    };
    for other in &ledger.unaccounted {
        let whose = match other.tagged {
            Some(_) => "is tagged as this model's, and in no row of its ledger",
            None => "is not ours, and never touched",
        };
        text.push_str(&[other.id.as_str(), " ", whose, "\n"].concat());
    }
    let verdict = match ledger.balanced {
        true => "Balanced",
        false => "Out of balance",
    };
    let at_cloud = ledger.resources.iter().filter(|row| row.at_cloud).count();
    let sums = format!(
        "{verdict}: {} in the ledger, {at_cloud} of them and {} others in {}. {} USD/hour, {:.2} USD/month for the machines.\n",
        ledger.resources.len(),
        ledger.unaccounted.len(),
        ledger.group,
        price(ledger.hourly_cost),
        ledger.hourly_cost * MONTH,
    );
    text + &sums
}

fn price(usd: f64) -> String {
    format!("{usd:.4}")
}

/// In the largest unit that fits.
fn age(since: Duration) -> String {
    let seconds = since.whole_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use lazuli_model::document::ledger::{CloudResource, LedgerResource};

    use super::*;

    #[test]
    fn each_resource_has_a_line_and_the_balance_is_drawn() {
        let ledger = Ledger {
            group: "lazuli-m-1".to_owned(),
            balanced: false,
            resources: vec![LedgerResource {
                name: "m-0-g1".to_owned(),
                kind: "virtual machine".to_owned(),
                owner: "machine 0: web/0".to_owned(),
                state: "present".to_owned(),
                at_cloud: false,
                trouble: "the cloud does not list it".to_owned(),
                hourly_cost: Some(0.0416),
                created: OffsetDateTime::UNIX_EPOCH,
                id: None,
            }],
            unaccounted: vec![CloudResource {
                id: "/disks/d".to_owned(),
                kind: "Microsoft.Compute/disks".to_owned(),
                tagged: None,
            }],
            hourly_cost: 0.0416,
        };
        let now = OffsetDateTime::UNIX_EPOCH + Duration::minutes(125);
        assert_eq!(
            text(&ledger, now),
            "Resource  Kind             Owner             State    At cloud  Age   USD/h  Message\n\
             m-0-g1    virtual machine  machine 0: web/0  present  no        2h   0.0416  the cloud does not list it\n\
             \n\
             /disks/d is not ours, and never touched\n\
             Out of balance: 1 in the ledger, 0 of them and 1 others in lazuli-m-1. 0.0416 USD/hour, 30.37 USD/month for the machines.\n"
        );
    }
}
