//! Bodies without end and bodies that are bombs: so much is read, and nothing is unpacked.

use super::Scene;
use crate::storage::process::{lead, subscription};
use crate::support::faults::{Act, Faults, say};
use crate::support::platform::until;
use crate::support::serving::Serving;
use crow::client::connection::ClientCredential;
use crow::domain::delivery::{MAX_BODY_READ, MAX_BODY_STORED};
use crow::domain::scope::KeyScope;
use crow::domain::target::TargetPolicy;
use crow::wire::attempts::CapturedBody;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};

/// 16 MiB of zeros, packed.
const BOMBS: [(&str, &[u8]); 2] =
    [("gzip", include_bytes!("../../data/bombs/zeros.gz")), ("br", include_bytes!("../../data/bombs/zeros.br"))];

#[tokio::test]
async fn e1_an_endless_body_is_read_up_to_the_limit_only() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[]).await;
    let subscription = scene.aim(&receiver.url()).await;
    let heads = [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n",
        "HTTP/1.1 500 Oops\r\ncontent-length: 9223372036854775807\r\n\r\n",
    ];
    for head in heads {
        receiver.becomes(&[Act::Hear, say(head), Act::SayForever(vec![b'x'; 64 * 1024])]);
        let detail = scene.shoot(subscription).await;
        assert_eq!(detail.row.status_code, head[9..12].parse().ok());
        assert_eq!(detail.response_body.n_bytes, MAX_BODY_READ as u64, "{head}");
        assert_eq!(detail.response_body.text.map(|text| text.raw().len()), Some(MAX_BODY_STORED));
        assert!(detail.response_body.truncated);
        // The unread rest was not accepted, and the receiver sees that.
        let ledger = receiver.settled().await;
        let n_said = ledger.last().expect("an entry").n_said;
        assert!(n_said < 16 * 1024 * 1024, "the network's own buffers at most: {n_said}");
    }
    let chunked = [b"10000\r\n".as_slice(), &[b'x'; 0x1_0000], b"\r\n"].concat();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    receiver.becomes(&[Act::Hear, say(head), Act::SayForever(chunked)]);
    assert_eq!(scene.shoot(subscription).await.response_body.n_bytes, MAX_BODY_READ as u64);
}

#[tokio::test]
async fn e1_compressed_bodies_are_not_decompressed() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[]).await;
    let subscription = scene.aim(&receiver.url()).await;
    for (encoding, bomb) in BOMBS {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", bomb.len());
        receiver.becomes(&[Act::Hear, say(head), say(bomb)]);
        let detail = scene.shoot(subscription).await;
        assert_eq!(detail.response_body.n_bytes, bomb.len() as u64);
        let kept = &bomb[..bomb.len().min(MAX_BODY_STORED)];
        assert_eq!(detail.response_body, CapturedBody::new(kept, bomb.len() as u64), "byte for byte");
        let heard = receiver.settled().await.pop().expect("an entry").heard;
        let head = String::from_utf8_lossy(&heard).to_ascii_lowercase();
        assert!(!head.contains("accept-encoding"), "nothing packed is asked for: {head}");
    }
}

#[tokio::test]
async fn e1_sixty_four_endless_bodies_at_once_cost_little_memory() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let receiver = Faults::start(&[Act::Hear, say(head), Act::SayForever(vec![b'x'; 64 * 1024])]).await;
    let serving = Serving::start(&[]);
    let operator = serving.operator();
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    let new =
        NewKey { company_id: company.id, name: "key".to_owned(), scopes: vec![KeyScope::WebhooksWrite], limits: None };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
    let partner = serving.client(ClientCredential::Key(key));
    for _ in 0..16 {
        let new = subscription(&receiver.url());
        partner.create_subscription(&new).await.expect("a subscription");
    }
    let before = serving.peak();
    let event = lead(company.id);
    for _ in 0..4 {
        operator.change(&changes::EMIT_EVENT, &event).await.expect("an event");
    }
    let all = async || operator.attempts(None, 100).await.expect("a page").items.len() == 64;
    until("64 attempts are over", all).await;
    for row in operator.attempts(None, 100).await.expect("a page").items {
        assert_eq!(row.status_code, Some(200));
    }
    let grown = serving.peak().saturating_sub(before);
    assert!(grown <= 64 * 1024, "{grown} KiB");
}
