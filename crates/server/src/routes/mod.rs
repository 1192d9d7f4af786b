//! The routes, and the OpenAPI description that is generated from them.

mod access;
mod applications;
mod charms;
mod config;
mod events;
mod health;
mod history;
mod ledger;
mod logs;
mod machines;
mod models;
mod operations;
mod problems;
mod relations;
mod resources;
mod secrets;
mod session;
mod source_documents;
mod sources;
mod spaces;
mod ssh;
mod status;
mod storage;
mod storage_pools;
mod stream;
mod units;
mod users;

mod describe;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::middleware::{deadline, identify, limit, unknown_method, unknown_path};

/// The whole API.
pub fn router(app: App) -> Router {
    let places = Arc::new(Semaphore::new(app.settings.most_requests));
    let (short, _) = short().split_for_parts();
    let (long, _) = long().split_for_parts();
    let short = short
        .layer(from_fn(deadline))
        .layer(from_fn_with_state(places, limit));
    let v1 = Router::new().merge(short).merge(long);
    Router::new()
        .nest("/v1", v1)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(describe::openapi_json))
        .route("/problems/{code}", get(problems::page))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn(identify))
        .with_state(app)
}

/// The description of the API (OpenAPI 3.1).
#[must_use]
pub fn openapi() -> OpenApi {
    let all = OpenApiRouter::with_openapi(describe::frame()).nest("/v1", short().merge(long()));
    let (_, description) = all.split_for_parts();
    describe::complete(description)
}

/// Requests that are answered at once.
fn short() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(session::login))
        .routes(routes!(session::logout))
        .routes(routes!(session::whoami))
        .routes(routes!(session::version))
        .routes(routes!(users::list_users, users::add_user))
        .routes(routes!(users::show_user, users::update_user))
        .routes(routes!(users::set_password))
        .routes(routes!(models::list_models, models::add_model))
        .routes(routes!(models::show_model, models::destroy_model))
        .routes(routes!(history::show_status_log))
        .routes(routes!(access::list_access))
        .routes(routes!(access::grant_access, access::revoke_access))
        .routes(routes!(
            config::show_model_config,
            config::change_model_config
        ))
        .routes(routes!(
            config::show_model_constraints,
            config::set_model_constraints
        ))
        .routes(routes!(
            config::list_ssh_keys,
            config::add_ssh_keys,
            config::set_ssh_keys
        ))
        .routes(routes!(
            applications::list_applications,
            applications::deploy
        ))
        .routes(routes!(
            applications::show_application,
            applications::remove_application
        ))
        .routes(routes!(
            applications::show_application_config,
            applications::change_application_config
        ))
        .routes(routes!(
            applications::show_application_constraints,
            applications::set_application_constraints
        ))
        .routes(routes!(applications::expose, applications::unexpose))
        .routes(routes!(applications::set_trust))
        .routes(routes!(applications::refresh))
        .routes(routes!(applications::set_base))
        .routes(routes!(resources::list_resources))
        .routes(routes!(resources::attach_resource))
        .routes(routes!(operations::list_actions))
        .routes(routes!(ledger::show_ledger))
        .routes(routes!(spaces::list_spaces, spaces::add_space))
        .routes(routes!(spaces::change_space, spaces::remove_space))
        .routes(routes!(spaces::bind))
        .routes(routes!(operations::list_hooks))
        .routes(routes!(operations::list_operations, operations::run_action))
        .routes(routes!(operations::exec))
        .routes(routes!(operations::cancel_task))
        .routes(routes!(units::add_units))
        .routes(routes!(units::show_unit, units::remove_unit))
        .routes(routes!(units::resolve_unit))
        .routes(routes!(storage::list_storage, storage::import_filesystem))
        .routes(routes!(
            storage_pools::list_storage_pools,
            storage_pools::create_storage_pool
        ))
        .routes(routes!(
            storage_pools::update_storage_pool,
            storage_pools::remove_storage_pool
        ))
        .routes(routes!(storage::add_storage))
        .routes(routes!(storage::attach_storage, storage::detach_storage))
        .routes(routes!(storage::remove_storage))
        .routes(routes!(machines::list_machines, machines::add_machines))
        .routes(routes!(machines::show_machine, machines::remove_machine))
        .routes(routes!(machines::show_host_keys))
        .routes(routes!(
            relations::list_relations,
            relations::integrate,
            relations::remove_relation_between
        ))
        .routes(routes!(
            relations::show_relation,
            relations::remove_relation
        ))
        .routes(routes!(secrets::list_secrets, secrets::add_secret))
        .routes(routes!(
            secrets::show_secret,
            secrets::update_secret,
            secrets::remove_secret
        ))
        .routes(routes!(secrets::show_secret_content))
        .routes(routes!(secrets::change_secret_access))
}

/// Streams, long polls and uploads, which have limits of their own.
fn long() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(charms::list_charms, charms::add_charm))
        .routes(routes!(sources::find_charms))
        .routes(routes!(sources::show_charm))
        .routes(routes!(sources::download_charm))
        .routes(routes!(sources::add_named_charm))
        .routes(routes!(resources::add_upload))
        .routes(routes!(status::show_status))
        .routes(routes!(operations::show_operation))
        .routes(routes!(operations::show_task))
        .routes(routes!(logs::read_logs))
        .routes(routes!(events::follow_events))
        .routes(routes!(ssh::open_tunnel))
}
