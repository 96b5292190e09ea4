//! The OpenAPI document as an HTML page, built here without scripts and without external resources.

use super::DOCUMENT;
use crate::domain::text::escape_html;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// HTML of the page, built once on first use.
static PAGE: LazyLock<String> =
    LazyLock::new(|| serde_json::from_str(DOCUMENT).map_or_else(|_| String::new(), |document| page(&document)));

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
    code,pre{font:14px/1.4 ui-monospace,monospace}pre{overflow:auto;padding:.75rem;border:1px solid #8886}\
    section{border-top:1px solid #8886;margin-top:1.5rem}table{border-collapse:collapse}\
    td,th{border:1px solid #8886;padding:.25rem .5rem;text-align:left;vertical-align:top}";

/// `GET /docs`: the OpenAPI document as an HTML page.
pub(in super::super) async fn get() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ];
    (headers, PAGE.as_str()).into_response()
}

fn page(document: &Value) -> String {
    let mut body = String::new();
    for tag in document["tags"].as_array().into_iter().flatten() {
        let _ = write!(body, "<h2>{}</h2><p>{}</p>", escape(&tag["name"]), escape(&tag["description"]));
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if operation["tags"][0] == tag["name"] {
                    section(&mut body, path, method, operation);
                }
            }
        }
    }
    let _ = write!(body, "<h2>problems</h2><table><tr><th>code<th>status");
    let problems = &document["components"]["responses"]["Problem"]["content"]["application/problem+json"]["examples"];
    for (code, example) in problems.as_object().into_iter().flatten() {
        let _ = write!(body, "<tr><td><code>{}</code><td>{}", escape_html(code), escape(&example["summary"]));
    }
    let _ = write!(body, "</table><h2>types</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(body, "<section id=\"{0}\"><h3>{0}</h3>{1}</section>", escape_html(name), block(schema));
    }
    let (title, about) = (escape(&document["info"]["title"]), escape(&document["info"]["description"]));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{about} For programs: <a href=\"/openapi.json\">openapi.json</a>.</p>{body}</html>\n"
    )
}

fn section(body: &mut String, path: &str, method: &str, operation: &Value) {
    let (method, path) = (escape_html(&method.to_uppercase()), escape_html(path));
    let (summary, price) = (escape(&operation["summary"]), escape(&operation["description"]));
    let _ = write!(body, "<section><h3><code>{method} {path}</code></h3><p>{summary}. {price}</p>");
    let parameters = operation["parameters"].as_array().filter(|parameters| !parameters.is_empty());
    if let Some(parameters) = parameters {
        body.push_str("<table>");
        for parameter in parameters {
            let what = escape(&parameter["description"]);
            let _ = write!(
                body,
                "<tr><td><code>{}</code><td>{}<td>{what}",
                escape(&parameter["name"]),
                block(&parameter["schema"])
            );
        }
        body.push_str("</table>");
    }
    let request = &operation["requestBody"]["content"]["application/json"];
    if request.is_object() {
        let _ = write!(body, "<p>Takes {}:</p>{}", link(&request["schema"]), block(&request["example"]));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if status != "default" {
            let answer = link(&response["content"]["application/json"]["schema"]);
            let what = escape(&response["description"]);
            let _ = write!(body, "<p>Returns {} {answer}: {what}</p>", escape_html(status));
        }
    }
    body.push_str("</section>");
}

/// Returns a link to the type that a schema refers to.
fn link(schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    name.map_or_else(String::new, |name| format!("<a href=\"#{0}\">{0}</a>", escape_html(name)))
}

fn block(value: &Value) -> String {
    format!("<pre>{}</pre>", escape_html(&serde_json::to_string_pretty(value).unwrap_or_default()))
}

fn escape(value: &Value) -> String {
    escape_html(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_in_the_document_becomes_markup() {
        let evil = "<script>alert('x')</script>\"";
        let operation = json!({"tags": [evil], "summary": evil, "description": evil, "parameters": [{"name": evil, "schema": {evil: evil}}],
            "responses": {evil: {"content": {"application/json": {"schema": {"$ref": evil}}}}},
            "requestBody": {"content": {"application/json": {"schema": {"$ref": evil}, "example": evil}}}});
        let document = json!({"info": {"title": evil, "description": evil}, "tags": [{"name": evil}],
            "paths": {evil: {evil: operation}}, "components": {"schemas": {evil: {}}}});
        let page = page(&document);
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains("<script") && !page.contains("alert('x')"), "{page}");
    }
}
