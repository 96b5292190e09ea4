//! The order of checks of `docs/internals/contract.md`: a request with many faults is refused for the first.

use super::{LEAD, Partner, often};
use crow::domain::scope::KeyScope;
use crow::wire::keys::RequestedLimits;

/// A method, a path, headers, a body, and the code of the answer.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str, &'a str);

/// Every request has the faults of the rows below as well, as far as one request can have them.
#[tokio::test]
async fn a_request_with_several_faults_gets_the_first_in_the_order_of_checks() {
    let partner = Partner::start().await;
    let no_calls = RequestedLimits { write: Some(1), ..often() };
    let spent = partner.platform.key_with(&partner.company, &[KeyScope::Admin], no_calls).await;
    let first =
        partner.platform.call("POST", "/api/v1/integrations/leads", &[("x-api-key", spent.reveal())], None).await;
    assert_eq!(first.status, 403, "the one call of this minute");
    let narrow = partner.platform.key_with(&partner.company, &[KeyScope::Admin], often()).await;
    let wide = &partner.key;
    let large = " ".repeat(1024 * 1024 + 1);
    let leads = "/api/v1/integrations/leads";
    let text = ("content-type", "text/plain");
    let json = ("content-type", "application/json");
    let html = ("accept", "text/html");
    let named = |key| ("x-api-key", key);
    let cases: [Case<'_>; 11] = [
        ("POST", "/api/v1/leads", vec![text], &large, "not_found"),
        ("DELETE", leads, vec![text], &large, "method_not_allowed"),
        ("POST", leads, vec![text], &large, "payload_too_large"),
        ("POST", leads, vec![text], "{", "missing_key"),
        ("POST", leads, vec![text, named(spent.reveal())], "{", "rate_limited"),
        ("POST", leads, vec![text, html, named(narrow.reveal())], "{", "insufficient_scope"),
        ("POST", leads, vec![text, html, named(wide.reveal())], "{", "not_acceptable"),
        ("POST", leads, vec![text, named(wide.reveal())], "{", "unsupported_media_type"),
        ("POST", leads, vec![json, named(wide.reveal())], "{\"email\":1", "malformed_json"),
        ("POST", leads, vec![json, named(wide.reveal())], "{\"email\":1}", "validation_failed"),
        (
            "PATCH",
            "/api/v1/integrations/leads/99",
            vec![json, named(wide.reveal())],
            "{\"city\":\"Rome\"}",
            "not_found",
        ),
    ];
    for (method, path, headers, body, code) in cases {
        let answer = partner.platform.call(method, path, &headers, Some(body)).await;
        assert_eq!(answer.json()["code"], code, "{method} {path}");
        assert_eq!(answer.status, answer.json()["status"], "{method} {path}");
        let is_known = headers.iter().any(|(name, _)| *name == "x-api-key");
        assert_eq!(
            !answer.header("x-ratelimit-limit").is_empty(),
            is_known,
            "{code}: the rate headers stand on errors, too"
        );
    }
    let allowed = partner.platform.call("DELETE", leads, &[], None).await;
    assert_eq!(allowed.header("allow"), "POST");
    let made = partner.platform.call("POST", leads, &[json, named(wide.reveal())], Some(LEAD)).await;
    assert_eq!(made.status, 201);
}
