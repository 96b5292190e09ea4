//! The OpenAPI document and its page.

use crate::support::platform::Platform;
use crow::server::guard::RouteAccess;
use crow::server::openapi::undescribed_routes;
use crow::server::router::table;
use serde_json::Value;
use std::path::Path;

/// The references in a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_openapi_document_has_every_route_and_no_dangling_reference() {
    assert_eq!(undescribed_routes(), Vec::<String>::new(), "tell what these take and answer in server/openapi");
    let platform = Platform::start().await;
    let document = platform.call("GET", "/openapi.json", &[], None).await.json();
    let mut names = Vec::new();
    for route in table() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        names.push(operation["operationId"].as_str().unwrap_or_else(|| panic!("{} {}", route.method, route.path)));
        assert_eq!(operation["parameters"].to_string().contains("\"in\":\"path\""), route.path.contains("{id}"));
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        assert_ne!(body, &Value::Array(Vec::new()));
        if matches!(route.access, RouteAccess::Key(..)) {
            for (status, answer) in operation["responses"].as_object().expect("answers") {
                let content = &answer["content"]["application/json"];
                let is_told = content.is_null() || content["example"].is_object();
                assert!(is_told, "{} {} has no example of {status}", route.method, route.path);
            }
        }
    }
    let n_names = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), n_names, "operation ids are told apart");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_openapi_document_in_the_repository_is_the_served_one() {
    let platform = Platform::start().await;
    let served = platform.call("GET", "/openapi.json", &[], None).await.body;
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/openapi.json");
    if std::fs::read(&kept).unwrap_or_default() != served {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        std::fs::write(&fresh, &served).expect("written");
        panic!("the API changed: look at the difference, then\ncp {} {}", fresh.display(), kept.display());
    }
}

#[tokio::test]
async fn the_docs_page_loads_nothing_from_other_hosts() {
    let platform = Platform::start().await;
    let page = platform.call("GET", "/docs", &[], None).await;
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let text = String::from_utf8(page.body).expect("text");
    for route in table() {
        assert!(text.contains(&format!("{} {}", route.method, route.path)), "{}", route.path);
    }
    for elsewhere in ["<script", "src=", "url(", "href=\"http", "@import"] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
}
