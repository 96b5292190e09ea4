//! The OpenAPI document: every route of the router's table, with the schemas of the api types, the credentials, the problems and the rate
//! headers. Programs read it at `/openapi.json`, people at `/docs`.

pub(super) mod docs;
mod examples;
mod integration;
mod portal;
mod shape;

use super::guard::Access;
use super::router::{self, Route};
use crate::api::problem::{Code, MEDIA_TYPE, Problem};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use shape::{Answer, Parameter, Repeats, Shape, Told};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The document's bytes, put together once.
static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n");

/// `GET /openapi.json`.
pub(super) async fn get() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// Routes of the router's table that nothing is told about; the document has them, but not what they take and answer.
#[must_use]
pub fn untold() -> Vec<String> {
    let told = told();
    router::table()
        .into_iter()
        .filter(|route| find(&told, route).is_none())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect()
}

/// The parameters that a route reads from its query. HEAD reads what GET reads.
pub(super) fn parameters_of(method: &Method, path: &str) -> &'static [&'static str] {
    static KNOWN: LazyLock<HashMap<(&'static str, &'static str), Vec<&'static str>>> = LazyLock::new(|| {
        let names = |told: &Told| told.query.iter().map(Parameter::name).collect();
        told().iter().map(|told| ((told.method, told.path), names(told))).collect()
    });
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let known = KNOWN.iter().find(|((of, known), _)| *of == method.as_str() && *known == path);
    known.map_or(&[], |(_, names)| names.as_slice())
}

fn told() -> Vec<Told> {
    portal::routes().into_iter().chain(integration::routes()).collect()
}

fn find<'a>(told: &'a [Told], route: &Route) -> Option<&'a Told> {
    told.iter().find(|told| told.method == route.method.as_str() && told.path == route.path)
}

/// The whole document.
fn document() -> Value {
    let told = told();
    let mut schemas = Map::new();
    Shape::of::<Problem>("Problem").collect(&mut schemas);
    if let Some(code) = schemas.get_mut("Code") {
        *code = json!({"type": "string", "description": "What went wrong, for programs",
            "enum": codes().iter().map(|code| json!(code)).collect::<Vec<_>>()});
    }
    let mut paths = Map::new();
    for route in router::table() {
        let told = find(&told, &route);
        for shape in told.iter().flat_map(|told| told.shapes()) {
            shape.collect(&mut schemas);
        }
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation(&route, told);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "crow: a standalone WhiteLabelCRO integration platform",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The Integration API for partners' systems and the Portal API for operators. Unknown parameters and fields are ignored and named in \
                X-Ignored-Fields; an empty value counts as none. \
                Errors are problem+json with a closed set of codes.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was read"}],
        "tags": [
            {"name": "integration", "description": "For partners' systems, with a key"},
            {"name": "portal", "description": "For operators, with a token"},
            {"name": "public", "description": "For anyone"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "wlcro_live_{companyId}_{secret}"},
                "operator": {"type": "http", "scheme": "bearer", "description": "wlop_ and 43 characters"},
            },
            "responses": {"Problem": problems()},
            "headers": headers(),
            "parameters": parameters(),
        },
    })
}

fn operation(route: &Route, told: Option<&Told>) -> Value {
    let (tag, security, price) = match route.access {
        Access::Public => ("public", json!([]), "Asks for no credential.".to_owned()),
        Access::Key(scope, bucket) => (
            "integration",
            json!([{"key": []}]),
            format!(
                "Asks for a key with the scope {scope}; counted in its {bucket} window ({} a minute by default).",
                bucket.default_limit()
            ),
        ),
        Access::Operator(role) => {
            ("portal", json!([{"operator": []}]), format!("Asks for an operator of at least the role {}.", role.name()))
        }
    };
    let is_counted = matches!(route.access, Access::Key(..));
    let mut parameters: Vec<Value> = Vec::new();
    if route.path.contains("{id}") {
        parameters.push(
            json!({"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "format": "int64"}}),
        );
    }
    let mut responses = Map::new();
    responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    let mut operation = json!({"tags": [tag], "security": security, "description": price});
    if let Some(told) = told {
        parameters.extend(told.query.iter().map(Parameter::json));
        for (status, answer) in &told.answers {
            let mut answered = response(answer, is_counted);
            answered["headers"]["X-Ignored-Fields"] = json!({"$ref": "#/components/headers/X-Ignored-Fields"});
            if told.repeats == Repeats::Named {
                answered["headers"]["Idempotency-Replayed"] =
                    json!({"$ref": "#/components/headers/Idempotency-Replayed"});
            }
            responses.insert(status.to_string(), answered);
        }
        if told.repeats == Repeats::Named {
            parameters.push(json!({"$ref": "#/components/parameters/Idempotency-Key"}));
        }
        operation["operationId"] = json!(told.id);
        operation["summary"] = json!(told.summary);
        if let Some(what) = told.octets {
            operation["requestBody"] = json!({"required": false, "description": what, "content": {"application/octet-stream": {"schema": {"type": "string"}}}});
        }
        if let Some((shape, example)) = &told.body {
            let example: Value = serde_json::from_str(example).unwrap_or_default();
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": shape.reference(), "example": example}}});
        }
    }
    operation["parameters"] = json!(parameters);
    operation["responses"] = Value::Object(responses);
    operation
}

fn response(answer: &Answer, is_counted: bool) -> Value {
    let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
    if is_counted {
        for name in RATE_HEADERS {
            headers[name.0] = json!({"$ref": format!("#/components/headers/{}", name.0)});
        }
    }
    match answer {
        Answer::Json(shape) => {
            let mut content = json!({"schema": shape.reference()});
            if let Some(example) = examples::of(shape.name()) {
                content["example"] = example;
            }
            json!({"description": "As asked for", "headers": headers, "content": {"application/json": content}})
        }
        Answer::Text(media_type) => json!({"description": "As asked for", "headers": headers,
            "content": {*media_type: {"schema": {"type": "string"}}}}),
        Answer::Nothing => json!({"description": "Done", "headers": headers}),
        Answer::Object => json!({"description": "As asked for", "headers": headers,
            "content": {"application/json": {"schema": {"type": "object"}}}}),
    }
}

/// The headers of every answer to a key, errors too.
const RATE_HEADERS: [(&str, &str, &str); 5] = [
    ("X-RateLimit-Limit", "integer", "Calls a minute"),
    ("X-RateLimit-Remaining", "integer", "Calls left in this window"),
    ("X-RateLimit-Reset", "integer", "When the next window begins, in Unix seconds"),
    ("X-RateLimit-Window", "string", "Always 1m"),
    ("X-RateLimit-Policy", "string", "Bucket, calls and window: read:60/1m"),
];

fn headers() -> Value {
    let mut headers = Map::new();
    for (name, kind, what) in RATE_HEADERS {
        headers.insert(name.to_owned(), json!({"description": what, "schema": {"type": kind}}));
    }
    let id = "The X-Request-Id that the caller sent, if it matches [A-Za-z0-9._-]{1,64}; else req_ and 26 characters";
    headers.insert("X-Request-Id".to_owned(), json!({"description": id, "schema": {"type": "string"}}));
    let wait = "Seconds after which a call succeeds; on 429 and 503";
    headers.insert("Retry-After".to_owned(), json!({"description": wait, "schema": {"type": "integer"}}));
    for (name, what) in [
        (
            "X-Ignored-Fields",
            "Parameters of the query and fields of the body that nobody reads, separated by commas; absent if there are none",
        ),
        (
            "Idempotency-Replayed",
            "true where an earlier call under the same Idempotency-Key is answered once more; else absent",
        ),
        ("Allow", "The methods of this path; on 405"),
    ] {
        headers.insert(name.to_owned(), json!({"description": what, "schema": {"type": "string"}}));
    }
    Value::Object(headers)
}

/// The header that a caller may send beside its credential. A request id of its own stands with the answer's header, which repeats it.
fn parameters() -> Value {
    let what =
        "A name for this create, kept for 24 h: the same body under it gets the first answer again, another one 409";
    json!({"Idempotency-Key": {"name": "Idempotency-Key", "in": "header", "required": false, "description": what,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}}})
}

/// Every code that is ever answered.
pub(super) fn codes() -> [Code; 30] {
    [
        Code::MalformedRequest,
        Code::MalformedJson,
        Code::ValidationFailed,
        Code::InvalidCursor,
        Code::MissingKey,
        Code::MalformedKey,
        Code::UnknownKey,
        Code::RevokedKey,
        Code::UnknownOperator,
        Code::InsufficientRole,
        Code::InsufficientScope,
        Code::OtherCompany,
        Code::ManagedSubscription,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::NotAcceptable,
        Code::PayloadTooLarge,
        Code::UriTooLong,
        Code::UnsupportedMediaType,
        Code::MisdirectedRequest,
        Code::HeadersTooLarge,
        Code::IdempotencyConflict,
        Code::IdempotencyInProgress,
        Code::QuotaReached,
        Code::RateLimited,
        Code::TooManyStreams,
        Code::Internal,
        Code::NotImplemented,
        Code::Contended,
        Code::StorageFull,
    ]
}

/// What every error looks like, with an example for each code.
fn problems() -> Value {
    let mut examples = Map::new();
    for code in codes() {
        let name = json!(code).as_str().unwrap_or_default().to_owned();
        let problem = Problem::new(code, example_of(code));
        let problem = match code {
            Code::ValidationFailed => problem.with("errors", json!({"name": ["must have 1 to 200 characters"]})),
            Code::MalformedJson => problem.with("offset", 17),
            Code::QuotaReached => problem.with("limit", 100),
            Code::InsufficientScope => problem.with("requiredScope", "events:read"),
            Code::ManagedSubscription => problem.with("managedBy", "Zapier"),
            Code::RateLimited => problem.with("policy", "read:60/1m").with("retryAfterSeconds", 23),
            _ => problem,
        };
        let problem = Problem { request_id: "req_01KAXH3V9N0000000000000000".to_owned(), ..problem };
        examples.insert(name, json!({"summary": format!("{} {}", code.status(), code.title()), "value": problem}));
    }
    json!({
        "description": "Refused or failed; `code` says why",
        "headers": {
            "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"},
            "Retry-After": {"$ref": "#/components/headers/Retry-After"},
            "Allow": {"$ref": "#/components/headers/Allow"},
        },
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    })
}

/// A detail as it may read.
const fn example_of(code: Code) -> &'static str {
    match code {
        Code::MalformedJson => "the body is not JSON: expected value at line 1 column 18",
        Code::ValidationFailed => "name must have 1 to 200 characters",
        Code::InsufficientScope => "this key lacks the scope events:read",
        Code::ManagedSubscription => "managed by Zapier",
        Code::QuotaReached => "this company has 100 subscriptions, which is all that it may have",
        Code::RateLimited => "this key has made 60 read calls in this minute; wait 23 s",
        Code::Contended => "the platform is busy; this is contention, not a rate limit; try again in a second",
        _ => code.title(),
    }
}
