//! `show-unit` and the statuses as documents.

use lazuli_model::document::unit::{RelationData, ShowUnit, UnitRelation};
use serde_json::Value;

/// What `show-unit` is asked to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnitView {
    /// Only the application's data of relations.
    pub(crate) app: bool,
    /// Only relations of this endpoint.
    pub(crate) endpoint: Option<String>,
    /// Only this unit at the other end.
    pub(crate) related_unit: Option<String>,
}

/// The part of a unit's document that is asked for. As in Juju, a relation in
/// which nobody says anything shows only when its endpoint is named.
pub(crate) fn unit(mut unit: ShowUnit, view: &UnitView) -> ShowUnit {
    unit.relation_info.retain(|relation| match &view.endpoint {
        Some(endpoint) => relation.endpoint == *endpoint,
        None => says_something(relation),
    });
    for relation in &mut unit.relation_info {
        if view.app {
            relation.local_unit = RelationData::default();
            relation.related_units.clear();
        }
        if let Some(only) = &view.related_unit {
            relation.related_units.retain(|name, _| name == only);
        }
    }
    unit
}

/// A document without the empty statuses, as Juju's YAML has it.
pub(crate) fn without_empty_statuses(value: Value) -> Value {
    match value {
        Value::Object(entries) => entries
            .into_iter()
            .filter(|(key, value)| {
                !(key.ends_with("-status")
                    && value.as_object().is_some_and(serde_json::Map::is_empty))
            })
            .map(|(key, value)| (key, without_empty_statuses(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

fn says_something(relation: &UnitRelation) -> bool {
    let says = |data: &RelationData| data.data.as_ref().is_some_and(|data| !data.is_empty());
    !relation.application_data.is_empty()
        || says(&relation.local_unit)
        || relation.related_units.values().any(says)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn sample() -> ShowUnit {
        from_value(json!({
            "opened-ports": [], "charm": "local:a-0", "leader": true,
            "relation-info": [
                {"relation-id": 1, "endpoint": "db", "related-endpoint": "db",
                 "application-data": {}, "local-unit": {"in-scope": true, "data": {"k": "v"}},
                 "related-units": {"b/0": {"in-scope": true, "data": {}}}},
                {"relation-id": 2, "endpoint": "empty", "related-endpoint": "x",
                 "application-data": {}, "local-unit": {"in-scope": false, "data": null}},
            ],
        }))
        .unwrap()
    }

    fn ids(view: &UnitView) -> Vec<u64> {
        let shown = unit(sample(), view);
        let relations = shown.relation_info.iter();
        relations.map(|relation| relation.relation_id).collect()
    }

    #[test]
    fn silent_relations_show_when_named() {
        assert_eq!(ids(&UnitView::default()), [1]);
        let view = UnitView {
            endpoint: Some("empty".to_owned()),
            ..UnitView::default()
        };
        assert_eq!(ids(&view), [2]);
    }

    #[test]
    fn only_the_applications_data() {
        let view = UnitView {
            app: true,
            ..UnitView::default()
        };
        let shown = serde_json::to_value(unit(sample(), &view)).unwrap();
        let relation = &shown["relation-info"][0];
        assert_eq!(
            relation["local-unit"],
            json!({"in-scope": false, "data": null})
        );
        assert_eq!(relation.get("related-units"), None);
    }

    #[test]
    fn empty_statuses_go() {
        let document = json!({"a": {"juju-status": {}, "machine-status": {"current": "x"}}});
        assert_eq!(
            without_empty_statuses(document),
            json!({"a": {"machine-status": {"current": "x"}}})
        );
    }
}
