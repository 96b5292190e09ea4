//! The platform's own secret check: every secret that it holds is found in every encoding, and none is told.

use super::Scene;
use crate::support::credentials::{Dice, ENCODINGS, innocent};
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::incident::IncidentScope;
use crow::domain::scope::KeyScope;
use crow::export::ticket::ResponseBodies;
use crow::tui::effect::{BackgroundJob, DiagnoseResult, JobResult};
use crow::tui::runtime::perform::JobRunner;
use crow::tui::state::config::ConsoleAccess;
use crow::wire::keys::OneTimeSecret;
use crow::wire::secretcheck::{HeldSecretKind, SecretScanReport};
use crow::wire::subscriptions::NewSubscription;
use serde_json::json;
use std::collections::BTreeSet;

impl Scene {
    /// Returns the secrets that the platform finds in a text for an operator.
    async fn found(&self, bearer: &str, text: &str) -> SecretScanReport {
        let headers = [("authorization", bearer), ("content-type", "application/octet-stream")];
        let answer = self.platform.call("POST", "/portal/v1/secret-check", &headers, Some(text)).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).expect("a check")
    }
}

#[tokio::test]
async fn x1_the_secret_check_finds_every_stored_secret_in_every_encoding_and_reveals_none() {
    let scene = Scene::new().await;
    let body = json!({"name": "Vi", "role": "viewer"}).to_string();
    let viewer = scene.call("POST", "/portal/v1/operators", Some(&body)).await.json();
    let token = viewer["token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    let new = NewSubscription::new(scene.receiver.url.clone(), ["lead.created"]);
    let made = scene.platform.partner(&scene.key).create_subscription(&new).await.expect("a subscription");
    let chosen =
        NewSubscription { signing_secret: Some(OneTimeSecret::new("correct/horse:battery+staple".to_owned())), ..new };
    let second = scene.platform.partner(&scene.key).create_subscription(&chosen).await.expect("a subscription");
    let revoked = scene.platform.key(&scene.company, &[KeyScope::EventsRead]).await;
    let keys = scene.platform.operator().keys().await.expect("keys").items;
    let id = |last4: &str| keys.iter().find(|row| row.last4.raw() == last4).expect("its row").id.0;
    let revoked_id = id(&revoked.last4());
    scene.call("POST", &format!("/portal/v1/keys/{revoked_id}/revoke"), Some("{}")).await;
    let signing = made.signing_secret.into_secret().reveal().to_owned();
    let held = [
        (signing, HeldSecretKind::SigningSecret, made.subscription.id.0),
        ("correct/horse:battery+staple".to_owned(), HeldSecretKind::SigningSecret, second.subscription.id.0),
        (scene.key.reveal().to_owned(), HeldSecretKind::ApiKey, id(&scene.key.last4())),
        (revoked.reveal().to_owned(), HeldSecretKind::ApiKey, revoked_id),
        (token.clone(), HeldSecretKind::OperatorToken, viewer["id"].as_i64().expect("a number")),
        (token["wlop_".len()..].to_owned(), HeldSecretKind::OperatorToken, viewer["id"].as_i64().expect("a number")),
        (tail(revoked.reveal()), HeldSecretKind::ApiKey, revoked_id),
    ];
    for (secret, kind, id) in &held {
        for encoding in ENCODINGS {
            let text = format!("first line\nupstream said {} at the end", (encoding.encode)(secret));
            let check = scene.found(&bearer, &text).await;
            let what = format!("{kind:?} {}: {text}", encoding.name);
            assert!(check.items.iter().any(|of| of.kind == *kind && of.id == *id), "{what}: {check:?}");
            assert_eq!(check.n_bytes, text.len() as u64);
            for of in &check.items {
                assert!(of.offset >= 11 && of.offset + of.length <= text.len() as u64, "{what}: {of:?}");
            }
            let told = serde_json::to_string(&check).expect("plain data");
            assert!(!told.contains(secret) && !told.contains(&secret[..12]), "{what}");
        }
    }
    for seed in 0..20 {
        assert_eq!(scene.found(&bearer, &innocent(&mut Dice(seed))).await.items, []);
    }
}

/// The secret part of a key.
fn tail(key: &str) -> String {
    key[key.len() - 43..].to_owned()
}

#[tokio::test]
async fn the_secret_check_is_bounded_and_requires_an_operator() {
    let scene = Scene::new().await;
    let bearer = format!("Bearer {}", scene.token.reveal());
    let headers = [("authorization", bearer.as_str())];
    let over = "x".repeat(1024 * 1024 + 1);
    let refused = scene.platform.call("POST", "/portal/v1/secret-check", &headers, Some(&over)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (413, &json!("payload_too_large")));
    let nobody = scene.platform.call("POST", "/portal/v1/secret-check", &[], Some("x")).await;
    assert_eq!(nobody.status, 401);
    let key = [("x-api-key", scene.key.reveal())];
    assert_eq!(scene.platform.call("POST", "/portal/v1/secret-check", &key, Some("x")).await.status, 401);
    assert_eq!(scene.found(&bearer, "").await.items, []);
    // One operator has one check at a time: those that come together wait for each other.
    let text = "words without a secret in them ".repeat(2_000);
    let call = || scene.platform.call("POST", "/portal/v1/secret-check", &headers, Some(&text));
    let (a, b, c) = tokio::join!(call(), call(), call());
    assert_eq!([a.status, b.status, c.status], [200; 3]);
}

#[tokio::test]
async fn x1_a_ticket_of_the_console_has_a_released_passage_as_it_is_and_its_manifest_says_so() {
    let scene = Scene::new().await;
    let runner = JobRunner::new(scene.platform.operator(), ConsoleAccess::ReadOnly);
    let passage = "wlop_Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3";
    let mut matter = IncidentScope::last_hour_of(vec![DiagnosisSubject::All]);
    matter.selection.notes = vec![("the build".to_owned(), format!("its id is {passage}"))];
    let built = async |released: BTreeSet<String>| {
        let job = BackgroundJob::BuildBundle(Box::new(matter.clone()), ResponseBodies::Included, released);
        match runner.perform(job).await {
            JobResult::Diagnosed(came) => match *came {
                DiagnoseResult::Bundle(Ok(bundle)) => bundle,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let masked = built(BTreeSet::new()).await;
    assert!(!masked.ticket().notes[0].text.contains(passage) && masked.manifest().released.is_empty());
    let tally = masked.manifest().redactions.iter().find(|of| !of.fingerprints.is_empty()).expect("it is masked");
    let released: BTreeSet<String> = tally.fingerprints.iter().cloned().collect();
    let whole = built(released.clone()).await;
    assert!(whole.ticket().notes[0].text.contains(passage), "{:?}", whole.ticket().notes);
    assert_eq!(whole.manifest().released, released.into_iter().collect::<Vec<_>>());
}
