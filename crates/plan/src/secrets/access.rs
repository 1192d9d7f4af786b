//! Who may read a secret, in Juju's words.

use lazuli_model::state::{Grantee, ModelState, Relation, Secret};

/// A grant as Juju's tools and commands show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretAccess {
    /// The tag of an application or a unit.
    pub target: String,
    /// The tag of the relation or of the model that it ends with.
    pub scope: String,
}

/// The grants of a secret whose grantees are there.
#[must_use]
pub fn secret_access(state: &ModelState, secret: &Secret) -> Vec<SecretAccess> {
    secret
        .grants
        .iter()
        .filter_map(|(grantee, grant)| {
            let target = match grantee {
                Grantee::Application(id) => {
                    format!("application-{}", state.application(*id)?.name)
                }
                Grantee::Unit(id) => {
                    format!(
                        "unit-{}",
                        state.unit(*id)?.name.to_string().replace('/', "-")
                    )
                }
            };
            let scope = match grant.relation {
                Some(id) => relation_tag(state, state.relation(id)?),
                None => format!("model-{}", state.model().id),
            };
            Some(SecretAccess { target, scope })
        })
        .collect()
}

/// Such as `relation-wordpress.db#mysql.server`.
fn relation_tag(state: &ModelState, relation: &Relation) -> String {
    let ends: Vec<String> = relation
        .endpoints
        .iter()
        .filter_map(|end| {
            let application = state.application(end.application)?;
            Some(format!("{}.{}", application.name, end.name))
        })
        .collect();
    format!("relation-{}", ends.join("#"))
}
