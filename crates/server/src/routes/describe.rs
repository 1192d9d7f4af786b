//! What the OpenAPI description says beside the routes.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use lazuli_api::{PROBLEM_JSON, Problem};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Required, ResponseBuilder, Type,
};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Operations that ask for no token.
const OPEN: [&str; 2] = ["login", "version"];
/// The security scheme's name.
const TOKEN: &str = "token";

/// The description before the routes.
pub(super) fn frame() -> OpenApi {
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Lazuli")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Models, applications, machines and relations, as desired state. Writes \
                     answer the generation and revision that they made; problems are RFC 9457's.",
                ))
                .build(),
        )
        .build()
}

/// Adds what all operations share: problems, the token, path parameters.
pub(super) fn complete(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_with(Components::new);
    components.add_security_scheme(
        TOKEN,
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    let mut nested = Vec::new();
    Problem::schemas(&mut nested);
    components.schemas.extend(nested);
    for (path, item) in &mut api.paths.paths {
        for operation in operations(item) {
            complete_operation(path, operation);
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

fn complete_operation(path: &str, operation: &mut Operation) {
    let problem = ResponseBuilder::new()
        .description("A problem")
        .content(
            PROBLEM_JSON,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(Problem::name())))
                .build(),
        )
        .build();
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), problem.into());
    let id = operation.operation_id.as_deref().unwrap_or_default();
    if !OPEN.contains(&id) {
        let needed = SecurityRequirement::new(TOKEN, Vec::<String>::new());
        operation.security = Some(vec![needed]);
    }
    let names = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    for name in names {
        let parameters = operation.parameters.get_or_insert_default();
        let named = |parameter: &RefOr<Parameter>| match parameter {
            RefOr::T(parameter) => parameter.name == name,
            RefOr::Ref(_) => false,
        };
        if parameters.iter().any(named) {
            continue;
        }
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        parameters.push(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(describe(name)))
                .schema(Some(text))
                .build()
                .into(),
        );
    }
}

fn describe(parameter: &str) -> &'static str {
    match parameter {
        "model" => "Its name, owner/name (encoded) or id.",
        "application" => "Its name.",
        "unit" => "Its name: mysql/0 (encoded) or mysql-0.",
        "storage" => "Its name: data/0 (encoded) or data-0.",
        "machine" | "relation" => "Its number.",
        "user" => "The name to log in with.",
        _ => "Which one.",
    }
}

/// `GET /openapi.json`.
pub(super) async fn openapi_json() -> Response {
    let body = super::openapi().to_pretty_json().unwrap_or_default();
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
