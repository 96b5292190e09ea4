//! Where partners would like webhooks to go: inside, back to the platform, through names that change their mind.

use super::{Scene, came_to};
use crate::storage::process::{lead, subscription};
use crate::support::faults::{Act, Faults, say};
use crate::support::names::to;
use crate::support::platform::until;
use crate::support::serving::Serving;
use crow::client::Error;
use crow::client::connection::ClientCredential;
use crow::domain::scope::KeyScope;
use crow::domain::target::TargetPolicy;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};
use crow::wire::problem::ProblemCode;
use std::collections::BTreeSet;
use std::net::IpAddr;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Addresses that are not public, each with the reason; and odd ways to write targets that are not permitted.
const ADDRESSES: &str = include_str!("../../data/targets/addresses.txt");
const SPELLINGS: &str = include_str!("../../data/targets/spellings.txt");
const PUBLIC: &str = include_str!("../../data/targets/public.txt");

/// The lines of a table with two columns, parted by a bar.
fn table(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(" | ").map_or((line, ""), |(a, b)| (a.trim_end(), b.trim()))).collect()
}

#[tokio::test]
async fn a_test_reveals_no_address_that_the_partner_did_not_give() {
    let public = Scene::new(TargetPolicy::Public, Vec::new()).await;
    let named = public.aim("https://inside.example/hook").await;
    let mut said = BTreeSet::new();
    let inside = ["10.9.9.9", "127.0.0.1", "169.254.169.254", "192.168.3.4", "fd00::77", "::ffff:10.1.2.3"];
    for address in inside {
        public.names.leads("inside.example", &["198.41.0.4", address]);
        said.insert(public.partner_test(named).await["error"].as_str().expect("a reason").to_owned());
        let logged = came_to(&public.latest(named).await);
        assert!(logged.contains("inside.example resolves to"), "operators see it: {logged}");
    }
    let one = BTreeSet::from(["the target's host name resolves to an address that is not allowed".to_owned()]);
    assert_eq!(said, one, "the same for every address");

    // Where addresses are permitted, nothing listens there.
    let private = Scene::new(TargetPolicy::Private, Vec::new()).await;
    private.names.leads("inside.example", &["127.0.0.7"]);
    let named = private.aim("http://inside.example:9/hook").await;
    assert_eq!(private.partner_test(named).await["error"], "its address refused the connection");
    assert!(came_to(&private.latest(named).await).contains("127.0.0.7:9 refused"));
    let literal = private.aim("http://127.0.0.7:9/hook").await;
    assert_eq!(private.partner_test(literal).await["error"], "127.0.0.7:9 refused the connection");
}

/// Returns the error of the field `targetUrl`.
fn refusal(error: Error) -> String {
    let Error::Refused { problem } = error else { panic!("no refusal: {error}") };
    assert_eq!(problem.code, ProblemCode::ValidationFailed);
    problem.extra["errors"]["targetUrl"][0].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn s1_addresses_that_are_not_public_are_refused_at_creation_and_at_connect_time() {
    let addresses = table(ADDRESSES);
    assert!(addresses.len() >= 120, "{}", addresses.len());
    let scene = Scene::new(TargetPolicy::Public, Vec::new()).await;
    let subscription = scene.aim("https://s1.example/hook").await;
    let mut wrong = Vec::new();
    for (address, range) in addresses {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let created = scene.subscribe(&format!("https://{host}/hook")).await.map_err(refusal);
        let expected = format!("must be a public address: {range}");
        if created.as_ref().err() != Some(&expected) {
            wrong.push(format!("created with {address}: {created:?} instead of {expected}"));
        }
        scene.names.leads("s1.example", &[address]);
        let detail = scene.shoot(subscription).await;
        let ip: IpAddr = address.parse().expect("an address");
        let expected = format!("blocked: s1.example resolves to {ip}, but a target must be a public address: {range}");
        if came_to(&detail) != expected || detail.phases.connect_us.is_some() {
            wrong.push(format!("dialled {address}: {}", came_to(&detail)));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn s1_odd_spellings_are_refused_at_creation() {
    let spellings = table(SPELLINGS);
    assert!(spellings.len() >= 60, "{}", spellings.len());
    let scene = Scene::new(TargetPolicy::Public, Vec::new()).await;
    let mut wrong = Vec::new();
    for (written, expected) in spellings {
        // What cannot stand in a line of the table is written as in Rust.
        let url = written.replace("\\t", "\t").replace("\\n", "\n").replace("\\0", "\0").replace("\\s", " ");
        let created = scene.subscribe(&url).await.map_err(refusal);
        if created.as_ref().err().is_none_or(|error| error != expected) {
            wrong.push(format!("{written}: {created:?} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn s1_public_targets_are_accepted() {
    let scene = Scene::new(TargetPolicy::Public, Vec::new()).await;
    for (url, _) in table(PUBLIC) {
        scene.aim(url).await;
    }
}

#[tokio::test]
async fn s2_the_platforms_own_addresses_are_refused_as_targets() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let port = scene.platform.address.rsplit(':').next().expect("a port").to_owned();
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f.1"] {
        let error = scene.subscribe(&format!("http://{host}:{port}/api/v1/events/test")).await.expect_err(host);
        assert_eq!(refusal(error), "must not be an address of this platform's own host", "{host}");
    }
    scene.names.leads("innocent.example", &["127.0.0.1"]);
    let subscription = scene.aim(&format!("http://innocent.example:{port}/api/v1/events/test")).await;
    let expected = "blocked: innocent.example resolves to 127.0.0.1, but a target must not be an address of this platform's own host";
    assert_eq!(came_to(&scene.shoot(subscription).await), expected);
}

#[tokio::test]
async fn s2_proxies_of_the_environment_are_ignored() {
    let proxy = Faults::start(&[Act::Hear, say(OK)]).await;
    let receiver = Faults::start(&[Act::Hear, say(OK)]).await;
    let through = format!("http://127.0.0.1:{}", proxy.port);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let serving = Serving::start(&names.map(|name| (name, through.as_str())));
    let operator = serving.operator();
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    let new =
        NewKey { company_id: company.id, name: "key".to_owned(), scopes: vec![KeyScope::WebhooksWrite], limits: None };
    let partner = serving.client(ClientCredential::Key(
        operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret(),
    ));
    let new = subscription(&receiver.url());
    partner.create_subscription(&new).await.expect("a subscription");
    let event = lead(company.id);
    operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
    let sent = async || !operator.attempts(None, 1).await.expect("a page").items.is_empty();
    until("the event is delivered", sent).await;
    assert_eq!((receiver.ledger().len(), proxy.ledger().len()), (1, 0));
}

#[tokio::test]
async fn s3_one_private_address_of_a_name_blocks_the_name() {
    let scene = Scene::new(TargetPolicy::Public, Vec::new()).await;
    let inside = Faults::start(&[Act::Hang]).await;
    let subscription = scene.aim(&format!("https://mixed.example:{}/", inside.port)).await;
    // The bad one first, so that dialling without judging would arrive.
    for addresses in [&["127.0.0.1", "93.184.216.34"][..], &["::ffff:127.0.0.1", "2606:2800:220:1::1", "93.184.216.34"]]
    {
        scene.names.leads("mixed.example", addresses);
        let detail = scene.shoot(subscription).await;
        let expected = format!("blocked: mixed.example resolves to {}", addresses[0]);
        assert!(came_to(&detail).starts_with(&expected), "{}", came_to(&detail));
        assert_eq!(detail.peer, None);
    }
    assert!(inside.ledger().is_empty(), "nothing was dialled");
}

#[tokio::test]
async fn s3_a_name_that_resolves_to_a_private_address_later_is_blocked() {
    let scene = Scene::new(TargetPolicy::Public, Vec::new()).await;
    let inside = Faults::start(&[Act::Hang]).await;
    let subscription = scene.aim(&format!("https://rebinding.example:{}/", inside.port)).await;
    scene.names.set("rebinding.example", [to(&["127.0.0.1"])]);
    for _ in 0..3 {
        assert!(came_to(&scene.shoot(subscription).await).starts_with("blocked: "));
    }
    assert!(inside.ledger().is_empty(), "nothing was dialled");
}

#[tokio::test]
async fn s3_the_checked_address_is_dialled_without_a_second_lookup() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let outside = Faults::start_at("127.0.0.1", 0, &[Act::Hear, say(OK)]).await;
    let inside = Faults::start_at("127.0.0.2", outside.port, &[Act::Hear, say(OK)]).await;
    let subscription = scene.aim(&format!("http://rebinding.example:{}/", outside.port)).await;
    // A second lookup between judging and dialling leads elsewhere.
    scene.names.set("rebinding.example", [to(&["127.0.0.1"]), to(&["127.0.0.2"])]);
    let detail = scene.shoot(subscription).await;
    assert_eq!(came_to(&detail), "200");
    assert_eq!(detail.peer.expect("a peer").raw(), format!("127.0.0.1:{}", outside.port));
    assert_eq!((outside.ledger().len(), inside.ledger().len()), (1, 0));
    assert_eq!(scene.names.n_asked("rebinding.example"), 1);
}
