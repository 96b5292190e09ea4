//! Filters of lists: what an operator's answers leave out cannot be found by filtering for it.

use super::Scene;
use crow::domain::event::EventType;
use crow::domain::operator::OperatorRole;
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use crow::wire::subscriptions::NewSubscription;
use serde_json::Value;
use std::collections::BTreeSet;

/// Secrets in the query of a target and in the URL of an error, both redacted for viewers.
const CANARIES: [&str; 2] = ["Zq7XwVk", "Jx8QzYw"];
/// Text of the same length that occurs nowhere.
const ABSENT: &str = "Yj9QvXz";
/// Names of filters beside those of the OpenAPI document.
const NAMES: [&str; 13] = [
    "q",
    "grep",
    "search",
    "filter",
    "text",
    "target",
    "targetUrl",
    "url",
    "error",
    "description",
    "name",
    "sort",
    "order",
];

/// The rows that a path answers with to an operator, without what a cursor says of the filter.
async fn rows(scene: &Scene, token: &str, path: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let answer = scene.platform.call("GET", path, &[("authorization", &bearer)], None).await;
    let rows = if answer.status == 200 { answer.json()["items"].clone() } else { Value::Null };
    (answer.status, rows)
}

/// The paths of all routes that operators read, each with the names of its text parameters.
async fn readable(scene: &Scene) -> Vec<(&'static str, BTreeSet<String>)> {
    let document = scene.get("/openapi.json").await;
    let routes = table().into_iter().filter(|route| {
        matches!(route.access, RouteAccess::Operator(_)) && route.method == "GET" && !route.path.ends_with("/stream")
    });
    routes
        .map(|route| {
            let parameters = document["paths"][route.path]["get"]["parameters"].as_array().cloned().unwrap_or_default();
            let told = parameters.iter().filter(|of| of["in"] == "query").filter_map(|of| of["name"].as_str());
            (route.path, told.chain(NAMES).map(ToOwned::to_owned).collect())
        })
        .collect()
}

#[tokio::test]
async fn no_filter_reveals_redacted_values_to_a_viewer() {
    let scene = Scene::new().await;
    let new = NewSubscription {
        description: Some(format!("see https://docs.example/?token={}", CANARIES[0])),
        ..NewSubscription::new(format!("{}?token={}", scene.receiver.url, CANARIES[0]), ["lead.created"])
    };
    scene.platform.partner(&scene.key).create_subscription(&new).await.expect("a subscription");
    scene.emit(EventType::LeadCreated).await;
    scene.attempted(1).await;
    let error = format!("not understood: https://other.example/in?token={}", CANARIES[1]);
    scene.platform.database().execute("UPDATE attempts SET error = ?1", [error]).expect("an error");
    let (_, viewer) = scene.operator("a viewer", OperatorRole::Viewer).await;
    let (_, owner) = scene.operator("an owner", OperatorRole::Admin).await;
    let mut found_by_owner = BTreeSet::new();
    for (route, names) in readable(&scene).await {
        let path = route.replace("{id}", "1");
        for name in names {
            let of = |value: &str| format!("{path}?{name}={value}");
            for canary in CANARIES.iter().flat_map(|canary| [&canary[..4], &canary[3..], canary]) {
                let absent = of(&ABSENT[..canary.len()]);
                let told = rows(&scene, &viewer, &of(canary)).await;
                assert_eq!(told, rows(&scene, &viewer, &absent).await, "a viewer's {}", of(canary));
                if rows(&scene, &owner, &of(canary)).await != rows(&scene, &owner, &absent).await {
                    found_by_owner.insert((route, name.clone(), canary.to_owned()));
                }
            }
        }
    }
    for canary in CANARIES {
        let q = ("/portal/v1/attempts", "q".to_owned(), canary.to_owned());
        assert!(found_by_owner.contains(&q), "an owner filters by what is there: {found_by_owner:?}");
    }
    for shown in ["127.0.0.1", "REDACTED", "/hook?redacted", "not%20understood", "other.example/in"] {
        let (status, found) = rows(&scene, &viewer, &format!("/portal/v1/attempts?q={shown}")).await;
        assert_eq!((status, found.as_array().map(Vec::len)), (200, Some(1)), "what a viewer sees is found: {shown}");
    }
}
