//! Every route against every credential: the router's table is the list, so that no route can be forgotten.

use super::{JSON, often};
use crate::support::platform::Platform;
use crow::domain::scope::KeyScope;
use crow::server::guard::RouteAccess;
use crow::server::router::{RouteEntry, table};
use crow::wire::changes::{self, NoBody};
use std::collections::BTreeSet;

fn path(route: &RouteEntry) -> String {
    route.path.replace("{id}", "1")
}

#[tokio::test]
async fn only_the_public_routes_answer_without_a_credential() {
    let platform = Platform::start().await;
    let mut public = BTreeSet::new();
    for route in table() {
        let path = path(&route);
        let answer = platform.call(route.method.as_str(), &path, &[JSON], Some("{}")).await;
        let expected = match route.access {
            RouteAccess::Public => {
                assert!(answer.status < 500, "{} {path}", route.method);
                public.insert(route.path);
                continue;
            }
            RouteAccess::Key(..) => "missing_key",
            RouteAccess::Operator(_) => "unknown_operator",
        };
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some(expected)), "{} {path}", route.method);
        assert_eq!(answer.json()["requestId"], answer.header("x-request-id"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let known = BTreeSet::from(["/healthz", "/readyz", "/openapi.json", "/docs", "/metrics"]);
    assert!(public.is_subset(&known), "{public:?} answer without a credential");
}

#[tokio::test]
async fn every_scope_permits_exactly_its_routes_and_calls_count_in_their_bucket() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    for held in KeyScope::ALL {
        let key = platform.key_with(&company, &[held], often()).await;
        let own = [JSON, ("x-api-key", key.reveal())];
        for route in table() {
            let RouteAccess::Key(needed, bucket) = route.access else { continue };
            let path = path(&route);
            let answer = platform.call(route.method.as_str(), &path, &own, Some("{}")).await;
            let is_open = held == needed;
            assert_eq!(answer.status != 403, is_open, "{held} on {} {path}: {}", route.method, answer.status);
            assert!(answer.header("x-ratelimit-policy").starts_with(bucket.name()), "{} {path}", route.method);
            if !is_open {
                let problem = answer.json();
                assert_eq!(
                    (&problem["code"], &problem["requiredScope"]),
                    (&"insufficient_scope".into(), &needed.name().into())
                );
            }
        }
    }
}

#[tokio::test]
async fn every_integration_route_refuses_bad_keys_with_the_cause() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let good = platform.key_with(&company, &KeyScope::ALL, often()).await;
    let revoked = platform.key_with(&company, &KeyScope::ALL, often()).await;
    let rows = platform.operator().keys().await.expect("rows").items;
    let row = rows.iter().find(|row| row.last4.raw() == revoked.last4()).expect("its row");
    platform.operator().change(changes::REVOKE_KEY.at(row.id), &NoBody {}).await.expect("revoked");
    let foreign = good.reveal().replacen(&format!("_{}_", company.id), "_999_", 1);
    let mut wrong = good.reveal().to_owned();
    wrong.replace_range(wrong.len() - 4.., if wrong.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let bearer = format!("Bearer {}", good.reveal());
    let cases = [
        (("x-api-key", revoked.reveal()), "revoked_key"),
        (("x-api-key", foreign.as_str()), "unknown_key"),
        (("x-api-key", wrong.as_str()), "unknown_key"),
        (("x-api-key", "wlcro_live_1_short"), "malformed_key"),
        (("authorization", bearer.as_str()), "missing_key"),
    ];
    for route in table() {
        let RouteAccess::Key(..) = route.access else { continue };
        for (header, code) in cases {
            let answer = platform.call(route.method.as_str(), &path(&route), &[JSON, header], Some("{}")).await;
            let told = answer.json()["code"].as_str().map(ToOwned::to_owned);
            assert_eq!((answer.status, told.as_deref()), (401, Some(code)), "{} {}", route.method, route.path);
            assert!(!String::from_utf8_lossy(&answer.body).contains(&good.reveal()[20..]), "{}", route.path);
        }
    }
}

#[tokio::test]
async fn a_key_is_refused_by_the_portal_and_a_token_by_the_integration_api() {
    let platform = Platform::start().await;
    let company = platform.company("Acme").await;
    let key = platform.key_with(&company, &KeyScope::ALL, often()).await;
    let bearer = format!("Bearer {}", key.reveal());
    let token = format!("Bearer {}", platform.engine.mint_operator("matrix").reveal());
    for route in table() {
        let header = match route.access {
            RouteAccess::Public => continue,
            RouteAccess::Key(..) => ("authorization", token.as_str()),
            RouteAccess::Operator(_) => ("authorization", bearer.as_str()),
        };
        let answer = platform.call(route.method.as_str(), &path(&route), &[JSON, header], Some("{}")).await;
        assert_eq!(answer.status, 401, "{} {}", route.method, route.path);
    }
}
