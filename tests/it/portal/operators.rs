//! Operators: tokens shown once, three roles, revocation at once.

use super::{JSON, Scene};
use crow::domain::operator::OperatorRole;
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use serde_json::json;

impl Scene {
    pub(super) async fn operator(&self, name: &str, role: OperatorRole) -> (i64, String) {
        let body = json!({"name": name, "role": role.name()}).to_string();
        let created = self.call("POST", "/portal/v1/operators", Some(&body)).await;
        assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
        let created = created.json();
        let token = created["token"].as_str().expect("a token").to_owned();
        assert!(token.starts_with("wlop_") && token.len() == 48);
        (created["id"].as_i64().expect("a number"), token)
    }
}

#[tokio::test]
async fn every_portal_route_requires_its_role() {
    let scene = Scene::new().await;
    for held in OperatorRole::ALL {
        let (_, token) = scene.operator(&format!("a {}", held.name()), held).await;
        let bearer = format!("Bearer {token}");
        for route in table() {
            let RouteAccess::Operator(needed) = route.access else { continue };
            if route.path.ends_with("/stream") {
                continue;
            }
            let path = route.path.replace("{id}", "999");
            let headers = [JSON, ("authorization", bearer.as_str())];
            let answer = scene.platform.call(route.method.as_str(), &path, &headers, Some("{}")).await;
            let is_open = held >= needed;
            assert_eq!(answer.status != 403, is_open, "{} on {} {path}: {}", held.name(), route.method, answer.status);
            if !is_open {
                assert_eq!(answer.json()["code"], "insufficient_role");
            }
        }
    }
}

#[tokio::test]
async fn only_an_admin_sees_unmasked_payloads() {
    let scene = Scene::new().await;
    scene.subscribe(&["lead.created"]).await;
    let body = json!({"companyId": scene.company.id, "type": "lead.created", "payload": {"client_id": 7, "email": "ada@example.com"}});
    assert_eq!(scene.call("POST", "/portal/v1/events", Some(&body.to_string())).await.status, 201);
    scene.attempted(1).await;
    for role in OperatorRole::ALL {
        let (_, token) = scene.operator(&format!("a {}", role.name()), role).await;
        let bearer = format!("Bearer {token}");
        let answer = scene.platform.call("GET", "/portal/v1/attempts/1", &[("authorization", &bearer)], None).await;
        let detail = answer.json();
        let sent = detail["requestBody"]["text"].as_str().expect("text");
        assert_eq!(detail["redacted"], role != OperatorRole::Admin);
        assert_eq!(sent.contains("ada@example.com"), role == OperatorRole::Admin, "{role:?}: {sent}");
        assert!(sent.contains("\"client_id\":7"), "{sent}");
        assert_eq!(detail["responseBody"]["text"].is_null(), role != OperatorRole::Admin);
        let answer = scene.platform.call("GET", "/portal/v1/events/1", &[("authorization", &bearer)], None).await;
        let event = answer.json();
        let envelope = event["envelope"]["text"].as_str().expect("text");
        assert_eq!(event["redacted"], role != OperatorRole::Admin);
        assert_eq!(envelope.contains("ada@example.com"), role == OperatorRole::Admin, "{role:?}: {envelope}");
        assert_eq!(detail["responseBody"]["nBytes"], 4);
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_a_revoked_one_fails_immediately_and_permanently() {
    let mut scene = Scene::new().await;
    let (id, token) = scene.operator("Grace", OperatorRole::Viewer).await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(scene.platform.call("GET", "/portal/v1/trips", &headers, None).await.status, 200);
    let list = scene.call("GET", "/portal/v1/operators", None).await;
    assert!(!String::from_utf8_lossy(&list.body).contains(&token));
    assert!(!scene.get("/portal/v1/audit").await.to_string().contains(&token));
    let revoked = scene.call("POST", &format!("/portal/v1/operators/{id}/revoke"), None).await;
    assert_eq!((revoked.status, &revoked.json()["isActive"]), (200, &json!(false)));
    assert_eq!(scene.platform.call("GET", "/portal/v1/trips", &headers, None).await.status, 401);
    scene.platform = scene.platform.restart().await;
    assert_eq!(scene.platform.call("GET", "/portal/v1/trips", &headers, None).await.status, 401);
}

#[tokio::test]
async fn the_last_admin_cannot_be_revoked_and_invalid_operators_are_refused() {
    let scene = Scene::new().await;
    let refused = scene.call("POST", "/portal/v1/operators/1/revoke", None).await;
    assert_eq!((refused.status, refused.json()["errors"]["id"].is_array()), (400, true));
    scene.operator("Ada", OperatorRole::Admin).await;
    assert_eq!(scene.call("POST", "/portal/v1/operators/1/revoke", None).await.status, 200);
    for (body, field) in [(r#"{"name":" ","role":"admin"}"#, "name"), (r#"{"name":"x","role":"king"}"#, "role")] {
        let refused = scene.call("POST", "/portal/v1/operators", Some(body)).await;
        assert_eq!((refused.status, refused.json()["errors"][field].is_array()), (400, true), "{body}");
    }
    assert_eq!(scene.call("POST", "/portal/v1/operators/999/revoke", None).await.status, 404);
}

#[tokio::test]
async fn only_an_admin_sees_the_secret_parts_of_urls_in_any_answer() {
    let mut scene = Scene::new().await;
    let plain = scene.receiver.url.clone();
    scene.receiver.url = format!("{plain}/hooks/4fQ9zX2mLkW81?token=abcdef123");
    scene.subscribe(&["lead.created"]).await;
    let id = scene.subscribe(&["lead.created"]).await;
    let disable = json!({"reason": format!("moved from {}", scene.receiver.url)}).to_string();
    scene.emit(crow::domain::event::EventType::LeadCreated).await;
    scene.attempted(2).await;
    scene.call("POST", &format!("/portal/v1/subscriptions/{id}/disable"), Some(&disable)).await;
    scene.call("POST", &format!("/portal/v1/subscriptions/{id}/rollback"), Some(r#"{"revision": 1}"#)).await;
    let mut n_with_urls = 0;
    for role in OperatorRole::ALL {
        let (_, token) = scene.operator(&format!("a {}", role.name()), role).await;
        let bearer = format!("Bearer {token}");
        for route in table() {
            let is_read = route.method.as_str() == "GET" && !route.path.ends_with("/stream");
            let RouteAccess::Operator(needed) = route.access else { continue };
            if !is_read || needed > role {
                continue;
            }
            let number = if route.path.contains("subscriptions") { id.0 } else { 1 };
            let path = route.path.replace("{id}", &number.to_string());
            let answer = scene.platform.call("GET", &path, &[("authorization", &bearer)], None).await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let is_told = text.contains("4fQ9zX2mLkW81") || text.contains("abcdef123");
            assert!(role == OperatorRole::Admin || !is_told, "{} on {path}: {text}", role.name());
            n_with_urls += usize::from(role == OperatorRole::Admin && is_told);
        }
        let test = format!("/portal/v1/subscriptions/{id}/test");
        let answer = scene.platform.call("POST", &test, &[JSON, ("authorization", &bearer)], Some("{}")).await;
        assert_eq!(
            String::from_utf8_lossy(&answer.body).contains("abcdef123"),
            role == OperatorRole::Admin,
            "{}",
            role.name()
        );
    }
    assert!(n_with_urls >= 8, "{n_with_urls} answers have URLs");
}
