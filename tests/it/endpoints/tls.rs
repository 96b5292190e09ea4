//! TLS: one certificate is good, eight are not, and each of those is told plainly.

use super::{Scene, came_to};
use crate::support::faults::certificates::{Authority, Kind, NAME};
use crate::support::faults::{Act, Faults, say};
use crow::domain::target::TargetPolicy;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn scene(authority: &Authority) -> Scene {
    let scene = Scene::new(TargetPolicy::Private, vec![authority.file()]).await;
    scene.names.leads(NAME, &["127.0.0.1"]);
    scene
}

#[tokio::test]
async fn e4_a_certificate_of_a_private_authority_is_accepted_with_trust_ca() {
    let authority = Authority::named("test authority");
    let receiver = Faults::start(&[Act::Hear, say(OK)]).await;
    receiver.speaks_tls(Kind::Good, &authority);
    let url = format!("https://{NAME}:{}/in?x=1", receiver.port);
    let trusting = scene(&authority).await;
    let detail = trusting.shoot(trusting.aim(&url).await).await;
    assert_eq!(came_to(&detail), "200");
    let phases = detail.phases;
    assert!(
        [phases.dns_us, phases.connect_us, phases.tls_us, phases.head_us, phases.body_us].iter().all(Option::is_some)
    );
    let heard = receiver.settled().await.remove(0).heard;
    let heard = String::from_utf8(heard).expect("text");
    assert!(heard.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{heard}");
    let head = heard.split("\r\n\r\n").next().expect("a head");
    let shown: Vec<String> =
        detail.request_headers.iter().map(|header| format!("{}: {}", header.name.raw(), header.value.raw())).collect();
    assert_eq!(head.lines().skip(1).collect::<Vec<_>>(), shown, "the log shows every header that was sent, in order");

    let wary = scene(&Authority::named("another authority")).await;
    let got = came_to(&wary.shoot(wary.aim(&url).await).await);
    assert!(got.starts_with("tls: the receiver's certificate is self-signed, from an unknown authority"), "{got}");
}

#[tokio::test]
async fn e4_eight_kinds_of_bad_certificates_are_refused_with_the_reason() {
    let authority = Authority::named("test authority");
    let scene = scene(&authority).await;
    let receiver = Faults::start(&[Act::Hear, say(OK)]).await;
    let subscription = scene.aim(&format!("https://{NAME}:{}/", receiver.port)).await;
    let mut wrong = Vec::new();
    for kind in Kind::BAD {
        receiver.speaks_tls(kind, &authority);
        let got = came_to(&scene.shoot(subscription).await);
        let expected = match kind {
            Kind::Expired => "tls: the receiver's certificate has expired",
            Kind::NotYetValid => "tls: the receiver's certificate is not valid yet",
            Kind::WrongHost => "tls: the receiver's certificate is not for receiver.example",
            Kind::SelfSigned | Kind::UnknownAuthority => {
                "tls: the receiver's certificate is self-signed, from an unknown authority, or lacks an intermediate"
            }
            Kind::SignedByALeaf => {
                "tls: the receiver's certificate is signed by a certificate that is not an authority"
            }
            Kind::WrongPurpose => "tls: the receiver's certificate is invalid: certificate had invalid extensions",
            Kind::Good | Kind::Missing => "tls: the receiver ended the TLS connection (alert: AccessDenied)",
        };
        if !got.starts_with(expected) {
            wrong.push(format!("{kind:?}: {got}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let heard: Vec<u8> = receiver.settled().await.into_iter().flat_map(|entry| entry.heard).collect();
    assert!(heard.is_empty(), "not a byte of a webhook went to any of them");
}

#[tokio::test]
async fn e4_receivers_that_do_not_speak_tls_fail_with_the_reason() {
    let authority = Authority::named("test authority");
    let scene = scene(&authority).await;
    let receiver = Faults::start(&[]).await;
    let subscription = scene.aim(&format!("https://{NAME}:{}/", receiver.port)).await;
    let cases: [(&[Act], &str); 5] = [
        (&[say("HTTP/1.1 400 Bad Request\r\n\r\n"), Act::Hang], "tls: the server on that port does not speak TLS"),
        (&[say("SSH-2.0-OpenSSH_9.9\r\n"), Act::Hang], "tls: the server on that port does not speak TLS"),
        (&[say([0x15, 3, 1, 0, 2, 2, 70]), Act::Hang], "tls: the receiver supports neither TLS 1.2 nor 1.3"),
        (&[], "broken: the receiver"),
        (&[Act::Reset], "broken: the receiver"),
    ];
    for (script, expected) in cases {
        receiver.becomes(script);
        let got = came_to(&scene.shoot(subscription).await);
        assert!(got.starts_with(expected), "{script:?}: {got}");
        receiver.settled().await;
    }
}
