//! The environment of a hook, made from nothing (reference juju, 4).

use std::collections::BTreeMap;
use std::path::Path;

use lazuli_runner::frames::HookKind;

use super::handler::dispatch_path;
use crate::journal::Intent;
use crate::tools::storage_kind;

/// The usual directories after the tools.
pub(super) const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin";

/// All variables of a hook. `storage_location` is where the instance of a
/// storage hook was found.
pub(super) fn environment(
    intent: &Intent,
    charm: &Path,
    tools: &Path,
    socket: &Path,
    storage_location: &str,
) -> BTreeMap<String, String> {
    let request = &intent.request;
    let context = &request.context;
    let charm = charm.display().to_string();
    let hook_name = match request.hook.kind {
        HookKind::Hook => request.hook.name.as_str(),
        HookKind::Action | HookKind::Command => "",
    };
    let mut variables: BTreeMap<String, String> = [
        ("APT_LISTCHANGES_FRONTEND", "none"),
        ("CHARM_DIR", &charm),
        ("CLOUD_API_VERSION", ""),
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("JUJU_API_ADDRESSES", "127.0.0.1:17070"),
        ("JUJU_AVAILABILITY_ZONE", &context.availability_zone),
        ("JUJU_CHARM_DIR", &charm),
        ("JUJU_CHARM_FTP_PROXY", ""),
        ("JUJU_CHARM_HTTPS_PROXY", ""),
        ("JUJU_CHARM_HTTP_PROXY", ""),
        ("JUJU_CHARM_NO_PROXY", ""),
        ("JUJU_HOOK_NAME", hook_name),
        ("JUJU_MACHINE_ID", &context.machine),
        ("JUJU_MODEL_NAME", &context.model_name),
        ("JUJU_MODEL_UUID", &context.model_uuid),
        ("JUJU_PRINCIPAL_UNIT", &context.principal),
        ("JUJU_SLA", "unsupported"),
        ("JUJU_UNIT_NAME", &request.unit),
        ("JUJU_VERSION", &context.juju_version),
        ("LANG", "C.UTF-8"),
        ("PATH", &format!("{}:{PATH}", tools.display())),
        ("TERM", "tmux-256color"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    if let Some(path) = dispatch_path(&request.hook) {
        variables.insert("JUJU_DISPATCH_PATH".to_owned(), path);
    }
    if let Some(task) = context.task.as_ref().filter(|task| !task.id.is_empty()) {
        for (name, value) in [
            ("JUJU_ACTION_NAME", task.name.clone()),
            ("JUJU_ACTION_TAG", format!("action-{}", task.id)),
            ("JUJU_ACTION_UUID", task.id.clone()),
        ] {
            variables.insert(name.to_owned(), value);
        }
    }
    if let Some(hook) = &context.relation {
        let endpoint = context
            .relations
            .iter()
            .find(|relation| relation.id == hook.id)
            .map(|relation| relation.endpoint.as_str())
            .unwrap_or_default();
        let mut set = |name: &str, value: &str| {
            variables.insert(name.to_owned(), value.to_owned());
        };
        set("JUJU_RELATION", endpoint);
        set("JUJU_RELATION_ID", &format!("{endpoint}:{}", hook.id));
        // Empty rather than unset, for hooks that run with `set -u`.
        set("JUJU_REMOTE_UNIT", &hook.remote_unit);
        set("JUJU_REMOTE_APP", &hook.remote_app);
        if let Some(departing) = &hook.departing_unit {
            set("JUJU_DEPARTING_UNIT", departing);
        }
    }
    if let Some(secret) = &context.secret {
        variables.insert("JUJU_SECRET_ID".to_owned(), secret.uri.clone());
        variables.insert("JUJU_SECRET_LABEL".to_owned(), secret.label.clone());
        if let Some(revision) = secret.revision {
            variables.insert("JUJU_SECRET_REVISION".to_owned(), revision.to_string());
        }
    }
    let about = context.hook_storage.as_ref();
    if let Some(storage) =
        about.and_then(|about| context.storage.iter().find(|row| row.id == about.id))
    {
        let mut set = |name: &str, value: &str| {
            variables.insert(name.to_owned(), value.to_owned());
        };
        set("JUJU_STORAGE_ID", &storage.id);
        set("JUJU_STORAGE_KIND", storage_kind(storage));
        set("JUJU_STORAGE_LOCATION", storage_location);
    }
    variables.extend(context.env.clone());
    // These name the hook to its tools: nothing may replace them.
    for (name, value) in [
        ("JUJU_CONTEXT_ID", intent.context_id.clone()),
        ("JUJU_AGENT_SOCKET_ADDRESS", socket.display().to_string()),
        ("JUJU_AGENT_SOCKET_NETWORK", "unix".to_owned()),
    ] {
        variables.insert(name.to_owned(), value);
    }
    variables
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{
        CharmRef, Context, Hook, HookRelation, HookSecret, Limits, PROTOCOL, RelationContext,
        RunId, RunRequest, TaskContext,
    };

    use super::*;
    use crate::journal::Owner;

    fn variables(kind: HookKind, context: Context) -> BTreeMap<String, String> {
        let intent = Intent {
            protocol: PROTOCOL,
            owner: Owner {
                controller: "c".into(),
                model: "m".into(),
            },
            attempt: 1,
            context_id: "a/0-x-00".into(),
            boot_id: String::new(),
            request: RunRequest {
                run: RunId {
                    unit: "u".into(),
                    seq: 1,
                },
                digest: String::new(),
                unit: "a/0".into(),
                hook: Hook {
                    kind,
                    name: "db-relation-created".into(),
                },
                charm: CharmRef {
                    url: String::new(),
                    sha256: String::new(),
                },
                levels: serde_json::Value::Null,
                context,
                limits: Limits::default(),
            },
        };
        environment(
            &intent,
            Path::new("/c"),
            Path::new("/t"),
            Path::new("/s"),
            "/srv",
        )
    }

    #[test]
    fn a_relation_hook_has_empty_variables_rather_than_none() {
        let relation = HookRelation {
            id: 7,
            remote_app: "b".into(),
            ..HookRelation::default()
        };
        let context = Context {
            relations: vec![RelationContext {
                id: 7,
                endpoint: "db".into(),
                ..RelationContext::default()
            }],
            relation: Some(relation),
            env: [
                ("JUJU_CHARM_HTTP_PROXY".into(), "http://p".into()),
                ("JUJU_CONTEXT_ID".into(), "forged".into()),
            ]
            .into(),
            ..Context::default()
        };
        let variables = variables(HookKind::Hook, context);
        for (name, value) in [
            ("JUJU_RELATION", "db"),
            ("JUJU_RELATION_ID", "db:7"),
            ("JUJU_REMOTE_UNIT", ""),
            ("JUJU_REMOTE_APP", "b"),
            ("JUJU_HOOK_NAME", "db-relation-created"),
            ("JUJU_DISPATCH_PATH", "hooks/db-relation-created"),
            ("JUJU_CHARM_HTTP_PROXY", "http://p"),
            ("JUJU_CHARM_NO_PROXY", ""),
            ("JUJU_PRINCIPAL_UNIT", ""),
            ("JUJU_CONTEXT_ID", "a/0-x-00"),
            ("JUJU_AGENT_SOCKET_ADDRESS", "/s"),
            ("JUJU_AGENT_SOCKET_NETWORK", "unix"),
            ("CHARM_DIR", "/c"),
            ("JUJU_CHARM_DIR", "/c"),
            ("DEBIAN_FRONTEND", "noninteractive"),
        ] {
            assert_eq!(
                variables.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }
        assert!(variables["PATH"].starts_with("/t:/usr/local/sbin:"));
        for name in [
            "HOME",
            "JUJU_DEPARTING_UNIT",
            "JUJU_METER_STATUS",
            "OPERATOR_DISPATCH",
        ] {
            assert_eq!(variables.get(name), None, "{name}");
        }
    }

    #[test]
    fn the_environment_is_jujus_and_nothing_else() {
        let names: Vec<String> = variables(HookKind::Hook, Context::default())
            .into_keys()
            .collect();
        assert_eq!(
            names,
            [
                "APT_LISTCHANGES_FRONTEND",
                "CHARM_DIR",
                "CLOUD_API_VERSION",
                "DEBIAN_FRONTEND",
                "JUJU_AGENT_SOCKET_ADDRESS",
                "JUJU_AGENT_SOCKET_NETWORK",
                "JUJU_API_ADDRESSES",
                "JUJU_AVAILABILITY_ZONE",
                "JUJU_CHARM_DIR",
                "JUJU_CHARM_FTP_PROXY",
                "JUJU_CHARM_HTTPS_PROXY",
                "JUJU_CHARM_HTTP_PROXY",
                "JUJU_CHARM_NO_PROXY",
                "JUJU_CONTEXT_ID",
                "JUJU_DISPATCH_PATH",
                "JUJU_HOOK_NAME",
                "JUJU_MACHINE_ID",
                "JUJU_MODEL_NAME",
                "JUJU_MODEL_UUID",
                "JUJU_PRINCIPAL_UNIT",
                "JUJU_SLA",
                "JUJU_UNIT_NAME",
                "JUJU_VERSION",
                "LANG",
                "PATH",
                "TERM",
            ]
        );
    }

    #[test]
    fn a_secret_hook_names_the_secret() {
        let context = |revision| Context {
            secret: Some(HookSecret {
                uri: "secret:9m4e2mr0ui3e8a215n4g".into(),
                label: "db".into(),
                revision,
            }),
            ..Context::default()
        };
        let changed = variables(HookKind::Hook, context(None));
        assert_eq!(changed["JUJU_SECRET_ID"], "secret:9m4e2mr0ui3e8a215n4g");
        assert_eq!(changed["JUJU_SECRET_LABEL"], "db");
        assert_eq!(changed.get("JUJU_SECRET_REVISION"), None);
        let expired = variables(HookKind::Hook, context(Some(3)));
        assert_eq!(expired["JUJU_SECRET_REVISION"], "3");
    }

    #[test]
    fn an_action_has_no_hook_name_and_no_relation() {
        let context = Context {
            task: Some(TaskContext {
                id: "2".into(),
                name: "backup".into(),
                ..TaskContext::default()
            }),
            ..Context::default()
        };
        let command = variables(HookKind::Command, context.clone());
        assert_eq!(command["JUJU_HOOK_NAME"], "");
        assert_eq!(command.get("JUJU_DISPATCH_PATH"), None);
        let variables = variables(HookKind::Action, context);
        for (name, value) in [
            ("JUJU_ACTION_NAME", "backup"),
            ("JUJU_ACTION_TAG", "action-2"),
            ("JUJU_ACTION_UUID", "2"),
        ] {
            assert_eq!(variables[name], value, "{name}");
        }
        assert_eq!(variables["JUJU_HOOK_NAME"], "");
        assert_eq!(
            variables["JUJU_DISPATCH_PATH"],
            "actions/db-relation-created"
        );
        assert!(
            !variables.keys().any(|name| {
                name.starts_with("JUJU_RELATION") || name.starts_with("JUJU_REMOTE")
            })
        );
    }
}
