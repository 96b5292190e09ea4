//! The OpenAPI document from the code: every route of the router table, with the schemas of the wire types, the
//! credentials, the problems and the rate limit headers.

/// Describes a JSON answer of a wire type, or of a page of rows.
macro_rules! answer {
    ($wrapper:ident<$row:ident>) => {
        ResponseBody::Json(
            NamedSchema::of::<$wrapper<$row>>(concat!(stringify!($wrapper), "_", stringify!($row)))
                .with_rows(shape!($row)),
        )
    };
    ($row:ident) => {
        ResponseBody::Json(shape!($row))
    };
}

mod admin;
mod examples;
mod integration;
mod portal;

use crate::server::guard::RouteAccess;
use crate::server::router::{self, RouteEntry};
use crate::wire::changes;
use crate::wire::operation_doc::{
    IdempotencySupport, NamedSchema, OperationDoc, QueryParameter, ResponseBody, SuccessResponse,
};
use crate::wire::problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode};
use serde_json::{Map, Value, json};
use utoipa::ToSchema as _;

fn operation_docs() -> Vec<OperationDoc> {
    [portal::routes(), admin::routes(), changes::operation_docs(), integration::routes()].concat()
}

fn find_doc<'a>(told: &'a [OperationDoc], route: &RouteEntry) -> Option<&'a OperationDoc> {
    told.iter().find(|told| told.method == route.method.as_str() && told.path == route.path)
}

/// Builds the whole OpenAPI document.
fn build_document() -> Value {
    let told = operation_docs();
    let mut schemas = Map::new();
    NamedSchema::of::<Problem>("Problem").collect_into(&mut schemas);
    if let Some(code) = schemas.get_mut(&*ProblemCode::name()) {
        *code = json!({"type": "string", "description": "Machine-readable cause of a refused or failed request",
            "enum": codes().iter().map(|code| json!(code)).collect::<Vec<_>>()});
    }
    let mut paths = Map::new();
    for route in router::table() {
        let told = find_doc(&told, &route);
        for shape in told.iter().flat_map(|told| told.schemas()) {
            shape.collect_into(&mut schemas);
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
                Errors are problem+json with a fixed set of codes.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that provided this document"}],
        "tags": [
            {"name": "integration", "description": "Integration API, for partners' systems; requires an API key"},
            {"name": "portal", "description": "Portal API, for operators; requires an operator token"},
            {"name": "public", "description": "Public routes; no credential required"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "API key of the form wlcro_live_{companyId}_{secret}"},
                "operator": {"type": "http", "scheme": "bearer", "description": "Operator token of the form wlop_ and 43 characters"},
            },
            "responses": {"Problem": problems()},
            "headers": headers(),
            "parameters": parameters(),
        },
    })
}

fn operation(route: &RouteEntry, told: Option<&OperationDoc>) -> Value {
    let (tag, security, price) = match route.access {
        RouteAccess::Public => ("public", json!([]), "Requires no credential.".to_owned()),
        RouteAccess::Key(scope, bucket) => (
            "integration",
            json!([{"key": []}]),
            format!(
                "Requires a key with the scope {scope}; counts in the {bucket} bucket of its rate limit ({} a minute by default).",
                bucket.default_limit()
            ),
        ),
        RouteAccess::Operator(role) => (
            "portal",
            json!([{"operator": []}]),
            format!("Requires an operator with at least the role {}.", role.name()),
        ),
    };
    let is_counted = matches!(route.access, RouteAccess::Key(..));
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
        parameters.extend(told.query.iter().map(QueryParameter::json));
        for success in &told.successes {
            let mut answered = response(success, is_counted);
            answered["headers"]["X-Ignored-Fields"] = json!({"$ref": "#/components/headers/X-Ignored-Fields"});
            if told.idempotency == IdempotencySupport::Honoured {
                answered["headers"]["Idempotency-Replayed"] =
                    json!({"$ref": "#/components/headers/Idempotency-Replayed"});
            }
            responses.insert(success.status.to_string(), answered);
        }
        if told.idempotency == IdempotencySupport::Honoured {
            parameters.push(json!({"$ref": "#/components/parameters/Idempotency-Key"}));
        }
        operation["operationId"] = json!(told.operation_id);
        operation["summary"] = json!(told.summary);
        if let Some(what) = told.raw_body {
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

fn response(success: &SuccessResponse, is_counted: bool) -> Value {
    let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}});
    if is_counted {
        for name in RATE_HEADERS {
            headers[name.0] = json!({"$ref": format!("#/components/headers/{}", name.0)});
        }
    }
    let mut response = json!({"description": success.description, "headers": headers});
    match &success.answer {
        ResponseBody::Json(shape) => {
            let mut content = json!({"schema": shape.reference()});
            if let Some(example) = examples::of(shape.name()) {
                content["example"] = example;
            }
            response["content"] = json!({"application/json": content});
        }
        ResponseBody::Text(media_type) => response["content"] = json!({*media_type: {"schema": {"type": "string"}}}),
        ResponseBody::Object => response["content"] = json!({"application/json": {"schema": {"type": "object"}}}),
        ResponseBody::Empty => {}
    }
    response
}

/// Rate limit headers of every response to a request with a key, errors included.
const RATE_HEADERS: [(&str, &str, &str); 5] = [
    ("X-RateLimit-Limit", "integer", "Number of calls allowed per minute in the bucket"),
    ("X-RateLimit-Remaining", "integer", "Number of calls left in this window"),
    ("X-RateLimit-Reset", "integer", "Time at which the next window begins, in Unix seconds"),
    ("X-RateLimit-Window", "string", "Length of the window, always 1m"),
    ("X-RateLimit-Policy", "string", "Bucket, limit and window, such as read:60/1m"),
];

fn headers() -> Value {
    let mut headers = Map::new();
    for (name, kind, what) in RATE_HEADERS {
        headers.insert(name.to_owned(), json!({"description": what, "schema": {"type": kind}}));
    }
    let id = "Request id: the caller's own X-Request-Id if it matches [A-Za-z0-9._-]{1,64}, otherwise req_ and 26 characters";
    headers.insert("X-Request-Id".to_owned(), json!({"description": id, "schema": {"type": "string"}}));
    let wait = "Seconds to wait before the next call; on 429 and 503";
    headers.insert("Retry-After".to_owned(), json!({"description": wait, "schema": {"type": "integer"}}));
    for (name, what) in [
        (
            "X-Ignored-Fields",
            "Query parameters and body fields that the route does not read, separated by commas; absent if there are none",
        ),
        (
            "Idempotency-Replayed",
            "true if the response repeats the one to an earlier call with the same Idempotency-Key; absent otherwise",
        ),
        ("Allow", "Methods that the path supports; on 405"),
    ] {
        headers.insert(name.to_owned(), json!({"description": what, "schema": {"type": "string"}}));
    }
    Value::Object(headers)
}

/// Headers that a caller may send besides its credential. A caller's own request id is described with the response
/// header that repeats it.
fn parameters() -> Value {
    let what = "Idempotency key of the create, kept for 24 h: a repetition with the same body gets the first response, one with a different body 409";
    json!({"Idempotency-Key": {"name": "Idempotency-Key", "in": "header", "required": false, "description": what,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}}})
}

/// Every problem code that the server answers.
pub(in crate::server) fn codes() -> [ProblemCode; 30] {
    [
        ProblemCode::MalformedRequest,
        ProblemCode::MalformedJson,
        ProblemCode::ValidationFailed,
        ProblemCode::InvalidCursor,
        ProblemCode::MissingKey,
        ProblemCode::MalformedKey,
        ProblemCode::UnknownKey,
        ProblemCode::RevokedKey,
        ProblemCode::UnknownOperator,
        ProblemCode::InsufficientRole,
        ProblemCode::InsufficientScope,
        ProblemCode::OtherCompany,
        ProblemCode::ManagedSubscription,
        ProblemCode::NotFound,
        ProblemCode::MethodNotAllowed,
        ProblemCode::NotAcceptable,
        ProblemCode::PayloadTooLarge,
        ProblemCode::UriTooLong,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::MisdirectedRequest,
        ProblemCode::HeadersTooLarge,
        ProblemCode::IdempotencyConflict,
        ProblemCode::IdempotencyInProgress,
        ProblemCode::QuotaReached,
        ProblemCode::RateLimited,
        ProblemCode::TooManyStreams,
        ProblemCode::Internal,
        ProblemCode::NotImplemented,
        ProblemCode::Contended,
        ProblemCode::StorageFull,
    ]
}

/// Describes the error response shared by all routes, with an example per code.
fn problems() -> Value {
    let mut examples = Map::new();
    for code in codes() {
        let name = json!(code).as_str().unwrap_or_default().to_owned();
        let problem = Problem::new(code, example_of(code));
        let problem = match code {
            ProblemCode::ValidationFailed => problem.with("errors", json!({"name": ["must have 1 to 200 characters"]})),
            ProblemCode::MalformedJson => problem.with("offset", 17),
            ProblemCode::QuotaReached => problem.with("limit", 100),
            ProblemCode::InsufficientScope => problem.with("requiredScope", "events:read"),
            ProblemCode::ManagedSubscription => problem.with("managedBy", "Zapier"),
            ProblemCode::RateLimited => problem.with("policy", "read:60/1m").with("retryAfterSeconds", 23),
            _ => problem,
        };
        let problem = Problem { request_id: "req_01KAXH3V9N0000000000000000".to_owned(), ..problem };
        examples.insert(name, json!({"summary": format!("{} {}", code.status(), code.title()), "value": problem}));
    }
    json!({
        "description": "Problem: the request was refused or failed, for the reason given by `code`",
        "headers": {
            "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"},
            "Retry-After": {"$ref": "#/components/headers/Retry-After"},
            "Allow": {"$ref": "#/components/headers/Allow"},
        },
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    })
}

/// Returns an example of the detail text of a code.
const fn example_of(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::MalformedJson => "the body is not JSON: expected value at line 1 column 18",
        ProblemCode::ValidationFailed => "name must have 1 to 200 characters",
        ProblemCode::InsufficientScope => "this key lacks the scope events:read",
        ProblemCode::ManagedSubscription => "managed by Zapier",
        ProblemCode::QuotaReached => {
            "this company has 100 subscriptions, the maximum; delete one, or ask the platform's operators for more"
        }
        ProblemCode::RateLimited => "this key made 60 read calls this minute; wait 23 s",
        ProblemCode::Contended => "the platform is busy; this is contention, not a rate limit; retry in a second",
        _ => code.title(),
    }
}

#[test]
fn every_route_is_described() {
    let docs = operation_docs();
    let routes = router::table();
    let missing: Vec<&str> =
        routes.iter().filter(|route| find_doc(&docs, route).is_none()).map(|route| route.path).collect();
    assert_eq!(missing, Vec::<&str>::new(), "describe what these routes take and answer in server/openapi/document");
}

#[test]
fn the_document_in_the_repository_is_what_the_code_says() {
    let text = serde_json::to_string_pretty(&build_document()).expect("plain data") + "\n";
    if super::DOCUMENT != text {
        let fresh = std::env::temp_dir().join(format!("crow-openapi-{}.json", std::process::id()));
        std::fs::write(&fresh, text).expect("written");
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/openapi.json");
        panic!("the API changed: look at the difference, then\ncp {} {kept}", fresh.display());
    }
}

#[test]
fn query_parameters_are_those_of_the_descriptions() {
    for doc in operation_docs() {
        let method = doc.method.parse().expect("a method");
        for parameter in &doc.query {
            assert!(super::is_query_parameter(&method, doc.path, parameter.name()), "{method} {}", doc.path);
        }
        assert!(!super::is_query_parameter(&method, doc.path, "id"), "{method} {}", doc.path);
    }
}
