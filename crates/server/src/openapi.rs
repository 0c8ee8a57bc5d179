//! The native API as an OpenAPI document (3.1).

use std::sync::LazyLock;

use milepost_core::Code;
use milepost_wire::native::Problem;
use milepost_wire::native::requests::InputEvent;
use milepost_wire::openapi::EventDataSchema;
use serde::Deserialize;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::{Content, Object, Ref, RefOr, Required, Response, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::api::{about, artifacts, cancel, claims, control, events, feed, health, runs, socket};
use crate::projects;
use crate::webhooks::{dead_letters, push};

/// The document, as JSON.
pub fn document() -> &'static str {
    // A document is text, which is always JSON.
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| Api::openapi().to_pretty_json().unwrap_or_default());
    &DOCUMENT
}

/// The body of a publish.
#[derive(ToSchema, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "a schema; the bytes are read by milepost-wire")]
pub(crate) enum EventOrEvents {
    One(InputEvent),
    Many(Vec<InputEvent>),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Milepost",
        description = "Makes long-running work visible: producers report, viewers watch, nobody misses anything.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        runs::create, runs::list, runs::snapshot, runs::delete, cancel::request, events::publish, events::read,
        feed::follow, socket::upgrade, control::control, control::heartbeat, control::release, claims::claim, artifacts::store::store,
        artifacts::fetch::fetch, projects::ingest, projects::agent, projects::workflow,
        projects::project, health::alive, health::ready, health::metrics, about::openapi,
        push::progress,
        dead_letters::list, dead_letters::retry, dead_letters::delete,
    ),
    components(schemas(Problem, EventDataSchema)),
    modifiers(&Everywhere)
)]
struct Api;

/// What every call has: names in its path, and refusals.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components {
            components.responses.insert("Refused".to_owned(), RefOr::T(refused()));
        }
        for (path, item) in &mut document.paths.paths {
            for operation in operations(item) {
                name_parameters(path, operation);
                let refused = RefOr::Ref(Ref::from_response_name("Refused"));
                operation.responses.responses.insert("default".to_owned(), refused);
            }
        }
    }
}

fn refused() -> Response {
    let codes: Vec<_> = Code::ALL.iter().map(|code| format!("`{code}` ({})", code.status())).collect();
    let description = format!("A problem (RFC 9457). Its `code` is one of {}.", codes.join(", "));
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content("application/problem+json", problem).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, .. } = item;
    [get, put, post, delete].into_iter().filter_map(Option::as_mut)
}

fn name_parameters(path: &str, operation: &mut Operation) {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters = names.map(|name| {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("1 to 128 characters of A-Z a-z 0-9 . _ ~ : -"))
            .schema(Some(Object::with_type(Type::String)))
            .build();
        RefOr::T(parameter)
    });
    let mut all: Vec<_> = parameters.collect();
    all.extend(operation.parameters.take().unwrap_or_default());
    operation.parameters = Some(all);
}
