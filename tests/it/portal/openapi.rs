//! The OpenAPI document and its page.

use crate::support::platform::Platform;
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use serde_json::Value;

/// The document in the repository; a test beside the code holds it to the code.
const DOCUMENT: &[u8] = include_bytes!("../../../assets/openapi.json");

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
    let platform = Platform::start().await;
    let answer = platform.call("GET", "/openapi.json", &[], None).await;
    assert_eq!((answer.header("content-type"), answer.body.as_slice()), ("application/json", DOCUMENT));
    let document: Value = serde_json::from_slice(DOCUMENT).expect("JSON");
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
