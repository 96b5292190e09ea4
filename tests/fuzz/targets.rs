//! The fuzz targets: one for each parser of what others send, with good inputs to begin from. A target panics where a promise is broken; that
//! nothing panics by itself is a promise of each.

use crow::client::connection::{ClientCredential, PlatformClient};
use crow::client::integration::{partner, tolerant_reading};
use crow::clock::RuntimeEnv;
use crow::domain::delivery::RetryPolicy;
use crow::domain::ids::{CompanyId, SubscriptionId};
use crow::domain::key;
use crow::domain::outbound::{RedactionCounts, SecretGate};
use crow::domain::query::field::Field;
use crow::domain::query::parse::parse;
use crow::domain::scan::{self, KnownSecrets};
use crow::domain::scope::{KeyScope, ScopeSet};
use crow::domain::secret::Secret;
use crow::domain::signature_debugger;
use crow::domain::signature_debugger::sample::{SearchBudget, SignatureSample};
use crow::domain::target::{TargetPolicy, TargetRules};
use crow::domain::text::Untrusted;
use crow::domain::time::Timestamp;
use crow::engine::egress::EgressConfig;
use crow::engine::handle::Engine;
use crow::engine::master_key::MasterKeySource;
use crow::engine::settings::EngineSettings;
use crow::export::bundle_documents::{BundleManifest, SupportTicket};
use crow::export::{bundle_reader, markdown};
use crow::http::exposure::ServerExposure;
use crow::server;
use crow::wire::attempts::AttemptRow;
use crow::wire::changes;
use crow::wire::log::LogPage;
use crow::wire::overview::PlatformOverview;
use crow::wire::problem::Problem;
use crow::wire::requests::RequestRow;
use crow::wire::subscriptions::TestDelivery;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A parser of what others send.
pub(crate) struct FuzzTarget {
    pub(crate) name: &'static str,
    /// Panics where an input breaks a promise.
    pub(crate) run: fn(&[u8]),
    /// Good inputs.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Whether each input needs a connection of its own.
    pub(crate) is_over_sockets: bool,
}

const fn pure(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> FuzzTarget {
    FuzzTarget { name, run, seeds, is_over_sockets: false }
}

const fn over_sockets(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> FuzzTarget {
    FuzzTarget { name, run, seeds, is_over_sockets: true }
}

/// All fuzz targets, one for every parser of outside input.
pub(crate) const TARGETS: &[FuzzTarget] = &[
    pure("query", query, || {
        texts(&[
            "status>=500 company:92 sub:17 type:payment.failed since:15m !kind:test \"text\"",
            "code:404,500..599 hook",
        ])
    }),
    pure("credential", credential, || {
        texts(&["wlcro_live_92_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "events:read,webhooks:write,admin"])
    }),
    pure("target-url", target_url, || {
        texts(&[
            "https://hooks.example.com/a?b=c",
            "http://[::ffff:10.0.0.1]:8080/",
            "https://xn--bcher-kva.example/%2F",
        ])
    }),
    pure("timestamp", timestamp, || {
        texts(&["2026-11-23T10:00:00Z", "2026-11-23T10:00:00.123+05:45", "1795430410", "Mon, 23 Nov 2026 10:00:00 GMT"])
    }),
    pure("outside-text", outside_text, || {
        texts(&["a\u{1b}[31mb\u{202e}c\u{200b}d\u{e0041}", "=cmd|' /C calc'!A0", "<b>*x*</b> `y` [z](javascript:1)"])
    }),
    pure("signature-debugger", signature_debugger, signatures),
    pure("secret-scan", secret_scan, || {
        texts(&[
            "Bearer wlop_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "d2xjcm9fbGl2ZV8x",
            "%77lcro_live_1_x",
            "w\\u006ccro_",
        ])
    }),
    pure("integration-answer", integration_answer, || texts(INTEGRATION_ANSWERS)),
    pure("portal-document", portal_document, portal_documents),
    pure("ticket-archive", ticket_archive, || vec![archive()]),
    over_sockets("http-request", http_request, http_requests),
    over_sockets("receiver-answer", receiver_answer, || texts(HTTP_ANSWERS)),
    over_sockets("portal-answer", portal_answer, || texts(HTTP_ANSWERS)),
];

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn query(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(query) = parse(&text, Field::ALL) {
        for (_, span) in query.terms_with_ranges() {
            assert!(text.get(span).is_some(), "a term lies between characters");
        }
    }
}

fn credential(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if key::parse_key_company(&text).is_ok() {
        assert!(text.is_ascii() && text.starts_with("wlcro_"));
    }
    let scopes = ScopeSet::parse(&text);
    assert!(scopes.iter().count() <= 5);
}

fn target_url(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let bounds = TargetRules { policy: TargetPolicy::Public, ..TargetRules::default() };
    if let Ok(url) = bounds.check(&text) {
        assert_eq!(url.scheme(), "https");
        assert!(url.username().is_empty() && url.password().is_none() && url.host().is_some());
        let again = bounds.check(url.as_str()).expect("what is accepted is accepted as it is dialled");
        assert_eq!(again, url);
    }
}

fn timestamp(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(at) = Timestamp::parse(&text) {
        assert_eq!(Timestamp::parse(&at.to_rfc3339_millis()), Some(at));
    }
    let _ = tolerant_reading::parse_timestamp(&text);
}

fn outside_text(input: &[u8]) {
    let text = Untrusted::new(String::from_utf8_lossy(input).into_owned());
    let is_active = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!text.sanitized().chars().any(is_active), "{:?}", text.sanitized());
    for out in [markdown::code_span(&text), markdown::escape_prose(text.raw()), markdown::shell_quote(&text)] {
        assert!(!out.contains('\u{1b}'));
    }
}

/// A secret, a timestamp, a signature and a body, each behind a line end.
fn signatures() -> Vec<Vec<u8>> {
    let secret = Secret::new("c2VjcmV0IG9mIHRoZSBmdXp6IHRhcmdldHM9PQ==".to_owned());
    let body = br#"{"id":7,"type":"lead.created","payload":{"amount":169.00}}"#;
    let good = crow::domain::signature::sign(&secret, 1_795_430_410, body);
    let input = |signature: &str| {
        let mut input = format!("{}\n1795430410\n{signature}\n", secret.reveal()).into_bytes();
        input.extend_from_slice(body);
        input
    };
    vec![input(&good), input(&good.to_uppercase()), input("sha256=00")]
}

fn signature_debugger(input: &[u8]) {
    let mut parts = input.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (secret, timestamp, signature) = (Secret::new(text()), text(), text());
    let body = parts.next().unwrap_or_default();
    let sample = SignatureSample {
        signature: &signature,
        timestamp: &timestamp,
        body,
        secret: &secret,
        others: &[],
        computed: &[],
        received_at: Some(1_795_430_410),
    };
    // A small budget tries the cheap layers, which read all of the input.
    let _ = signature_debugger::diagnose_signature_within(&sample, &mut SearchBudget::bytes(1 << 20));
}

fn secret_scan(input: &[u8]) {
    let known = Secret::new("fuzz-known-secret-0123456789".to_owned());
    let known = KnownSecrets::new([&known]);
    let found = scan::find(input, &known);
    assert!(found.iter().all(|of| of.range.start < of.range.end && of.range.end <= input.len()));
    let text = String::from_utf8_lossy(input);
    let mut redactions = RedactionCounts::default();
    let _ = SecretGate::default().redact_and_release(&text, &mut redactions);
    let mut with = input.to_vec();
    with.extend_from_slice(b" fuzz-known-secret-0123456789 ");
    assert!(!scan::find(&with, &known).is_empty(), "a known secret passes beside {}", input.escape_ascii());
}

const INTEGRATION_ANSWERS: &[&str] = &[
    r#"{"items":[{"id":1,"type":"lead.created","createdUtc":"2026-11-23T10:00:00Z","companyId":3,"payload":{"note":"cut \ud83d"}}],"nextCursor":"x","hasMore":true}"#,
    r#"[{"id":"7","url":"https://a.example/","events":["a"],"enabled":1,"created_at":1795430410}]"#,
    r#"{"data":{"results":[{"subscription":{"subscriptionId":8,"targetUrl":"https://b.example","isEnabled":false}}],"next":"/api?page=2"}}"#,
    r#"{"success":true,"statusCode":200,"elapsedMs":12,"responseBody":"ok"}"#,
];

fn integration_answer(input: &[u8]) {
    if let Ok(listed) = tolerant_reading::read_list(&String::from_utf8_lossy(input)) {
        for item in &listed.items {
            let _ = partner::read_event(item, CompanyId(1));
            let _ = partner::read_subscription(item, CompanyId(1));
        }
    }
    let _ = partner::read_test_result(input);
}

fn portal_documents() -> Vec<Vec<u8>> {
    let problem = r#"{"type":"about:blank","title":"Forbidden","status":403,"code":"insufficient_scope","detail":"d","requestId":"r","requiredScope":"admin"}"#;
    vec![
        include_bytes!("../data/overview.json").to_vec(),
        problem.as_bytes().to_vec(),
        br#"{"items":[],"nextCursor":null,"previousCursor":null,"hasMore":false}"#.to_vec(),
    ]
}

fn portal_document(input: &[u8]) {
    fn read<T: DeserializeOwned>(input: &[u8]) {
        let _ = serde_json::from_slice::<T>(input);
    }
    read::<PlatformOverview>(input);
    read::<Problem>(input);
    read::<LogPage<AttemptRow>>(input);
    read::<LogPage<RequestRow>>(input);
    read::<SupportTicket>(input);
    read::<BundleManifest>(input);
}

/// An archive as `crow escalate` writes one, with a manifest of no files.
fn archive() -> Vec<u8> {
    use std::io::Write as _;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file("manifest.json", zip::write::SimpleFileOptions::default())
        .and_then(|()| Ok(archive.write_all(br#"{"version":1,"files":[]}"#)?))
        .expect("written");
    archive.finish().expect("finished").into_inner()
}

fn ticket_archive(input: &[u8]) {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("ticket.zip");
    std::fs::write(&file, input).expect("written");
    let _ = bundle_reader::open_bundle(&file);
}

/// A platform with a receiver, both in this process, by a scripted clock and dice.
struct FuzzWorld {
    runtime: Runtime,
    ambient: RuntimeEnv,
    address: SocketAddr,
    token: Secret,
    subscription: SubscriptionId,
    /// Bytes that the receiver and the fake platform answer.
    answer: watch::Sender<Vec<u8>>,
    fake: SocketAddr,
    _stop: watch::Sender<bool>,
    _dir: TempDir,
}

/// Real time after which the scripted clock moves on during an unfinished exchange, and the number of such steps.
const MOMENT: Duration = Duration::from_millis(40);
const MAX_MOMENTS: u32 = 4;

static WORLD: LazyLock<FuzzWorld> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("threads");
    let world = runtime.block_on(async {
        let dir = TempDir::new().expect("a directory");
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(1_795_430_410_000), 1);
        let settings = EngineSettings {
            data_dir: dir.path().to_owned(),
            target_policy: TargetPolicy::Private,
            retry_schedule: RetryPolicy::default(),
            retain_for: None,
            request_log_limit: crow::engine::retention::DEFAULT_REQUEST_LOG_LIMIT,
            delivery_log_quota: crow::engine::log_quota::DEFAULT_DELIVERY_LOG_QUOTA,
            event_quota: crow::engine::event_quota::DEFAULT_EVENT_QUOTA,
            max_subscriptions: u32::MAX,
            egress: EgressConfig::default(),
            master_key_source: MasterKeySource::File,
        };
        let engine = Engine::open(settings, ambient.clone()).await.expect("a platform");
        let token = engine.mint_operator("fuzz");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(listener, engine.clone(), ServerExposure::default(), stopped));
        let answer = watch::Sender::new(Vec::new());
        let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let fake = receiver.local_addr().expect("an address");
        tokio::spawn(answer_all(receiver, answer.subscribe()));
        let subscription = subscribe(&address, &token, &fake).await;
        (ambient, address, token, subscription, answer, fake, stop, dir)
    });
    let (ambient, address, token, subscription, answer, fake, stop, dir) = world;
    FuzzWorld { runtime, ambient, address, token, subscription, answer, fake, _stop: stop, _dir: dir }
});

async fn subscribe(at: &SocketAddr, token: &Secret, to: &SocketAddr) -> SubscriptionId {
    let operator = client(at, token);
    let company = operator
        .change(&changes::CREATE_COMPANY, &crow::wire::keys::NewCompany { name: "Fuzz".to_owned() })
        .await
        .expect("a company");
    let new = crow::wire::keys::NewKey {
        company_id: company.id,
        name: "all".to_owned(),
        scopes: KeyScope::ALL.to_vec(),
        limits: None,
    };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret();
    let partner = PlatformClient::new(&format!("http://{at}"), ClientCredential::Key(key)).expect("a client");
    let new = crow::wire::subscriptions::NewSubscription::new(format!("http://{to}/"), ["lead.created"]);
    partner.create_subscription(&new).await.expect("a subscription").subscription.id
}

fn client(at: &SocketAddr, token: &Secret) -> PlatformClient {
    PlatformClient::new(&format!("http://{at}"), ClientCredential::Operator(Secret::new(token.reveal().to_owned())))
        .expect("a client")
}

/// Reads the head of each request, answers with the bytes that are set, and closes.
async fn answer_all(listener: TcpListener, answer: watch::Receiver<Vec<u8>>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let bytes = answer.borrow().clone();
        tokio::spawn(async move {
            let mut buffer = [0; 16_384];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        });
    }
}

impl FuzzWorld {
    /// Waits for `work`, and moves the scripted clock on while `work` is unfinished.
    fn patiently<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            let mut work = std::pin::pin!(work);
            for _ in 0..MAX_MOMENTS {
                if let Some(done) = RuntimeEnv::real().timeout(MOMENT, work.as_mut()).await {
                    return done;
                }
                self.ambient.advance(Duration::from_secs(11));
            }
            RuntimeEnv::real().timeout(Duration::from_secs(20), work).await.expect("it ends")
        })
    }
}

fn http_requests() -> Vec<Vec<u8>> {
    let token = WORLD.token.reveal();
    let request = |head: &str, body: &str| {
        format!("{head} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            .into_bytes()
    };
    vec![
        request("GET /portal/v1/attempts?limit=2&since=2026-11-23T00:00:00Z&status=200", ""),
        request("POST /portal/v1/companies", r#"{"name":"Acme \u00e4"}"#),
        request(
            "POST /portal/v1/events",
            r#"{"companyId":1,"type":"lead.created","payload":{"n":1e400,"t":"\ud83d"}}"#,
        ),
        request("POST /api/v1/integrations/leads", r#"{"first_name":"A","last_name":"B","email":"a@b.example"}"#),
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            .to_vec(),
    ]
}

fn http_request(input: &[u8]) {
    let world = &*WORLD;
    let answer = world.patiently(async {
        let mut stream = TcpStream::connect(world.address).await.expect("it lives");
        let _ = stream.write_all(input).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    });
    let text = String::from_utf8_lossy(&answer);
    let is_broken = text.split("HTTP/1.1 ").skip(1).any(|head| head.starts_with("500"));
    assert!(!is_broken, "{text}");
}

const HTTP_ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"ok\": \"yes\"}",
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: Mon, 23 Nov 2026 10:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nX-RateLimit-Policy: read:60/1m\r\n\r\n{\"items\":[{}]}",
    "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip\r\n\r\n\u{1f}",
];

/// A delivery to a receiver that answers so fails or succeeds; the platform lives and says which.
fn receiver_answer(input: &[u8]) {
    let world = &*WORLD;
    world.answer.send_replace(input.to_vec());
    let tested = world.patiently(async {
        client(&world.address, &world.token)
            .change(changes::TEST_SUBSCRIPTION.at(world.subscription), &TestDelivery::default())
            .await
    });
    let tested = tested.expect("a result, whatever the receiver answered");
    assert_eq!(
        tested.success,
        tested.status_code.is_some_and(|status| (200..300).contains(&status)) && tested.error.is_none()
    );
}

/// A client of a platform that answers so has an answer or an error.
fn portal_answer(input: &[u8]) {
    let world = &*WORLD;
    world.answer.send_replace(input.to_vec());
    world.patiently(async {
        let client = client(&world.fake, &world.token);
        let _ = client.overview(10).await;
        let _ = client.attempts(None, 10).await;
    });
}
