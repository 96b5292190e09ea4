//! The OpenAPI document at `/openapi.json` and its page at `/docs`. The document is the file `assets/openapi.json`; a
//! test holds it to the router table, the wire types and the descriptions of routes in `document`, which are compiled for
//! tests only.

pub(super) mod docs;
#[cfg(test)]
pub(super) mod document;

use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Text of the document.
const DOCUMENT: &str = include_str!("../../../assets/openapi.json");

/// `GET /openapi.json`: the OpenAPI document of every route.
pub(super) async fn get() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// Part of the document that names the parameters of each path and method.
#[derive(Default, Deserialize)]
struct DescribedPaths<'a> {
    #[serde(borrow)]
    paths: HashMap<&'a str, HashMap<&'a str, DescribedOperation<'a>>>,
}

#[derive(Deserialize)]
struct DescribedOperation<'a> {
    #[serde(borrow)]
    parameters: Vec<DescribedParameter<'a>>,
}

/// Parameter of an operation; one that is a reference has neither name nor place.
#[derive(Deserialize)]
struct DescribedParameter<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
    #[serde(borrow, rename = "in")]
    place: Option<&'a str>,
}

/// Returns whether a route reads a query parameter; those of `GET` for `HEAD`.
pub(super) fn is_query_parameter(method: &Method, path: &str, name: &str) -> bool {
    static DESCRIBED: LazyLock<DescribedPaths<'static>> =
        LazyLock::new(|| serde_json::from_str(DOCUMENT).unwrap_or_default());
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    let operation = DESCRIBED.paths.get(path).and_then(|methods| methods.get(method.as_str()));
    operation.is_some_and(|operation| {
        operation.parameters.iter().any(|parameter| parameter.place == Some("query") && parameter.name == Some(name))
    })
}
