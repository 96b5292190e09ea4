//! What `crow listen` refuses costs little, is shown as refused; what it hands on and back is the message, whole, and nothing of the connection.

use super::StandIn;
use super::processes::Home;
use crate::support::faults::certificates::{Authority, Kind};
use crate::support::lines::Lines;
use crate::support::platform::{until, within};
use crate::support::receiver::{Behaviour, HeldAnswer, Receiver};
use crate::support::wire::Wire;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use crow::clock::RuntimeEnv;
use crow::domain::secret::Secret;
use crow::domain::signature;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "whsec-of-a-partner-0123456789";

/// A receiver of the real binary, with a home of its own.
struct Scene {
    home: Home,
    listening: Lines,
    address: String,
    http: reqwest::Client,
}

impl Scene {
    async fn with(more: &[&str]) -> Self {
        Self::on("http://127.0.0.1:9", more).await
    }

    /// A receiver for a platform at this address.
    async fn on(url: &str, more: &[&str]) -> Self {
        let home = Home::new();
        std::fs::write(home.path("secret"), SECRET).expect("written");
        let mut command = home.crow(&["listen", "--json", "--url", url, "--secret-file"]);
        command.arg(home.path("secret")).args(more);
        let listening = Lines::start(&mut command);
        listening.tells(1, "listening on ").await;
        let address = listening.told()[0].replace("listening on ", "");
        let http = crow::client::connection::bare_http_client().expect("a client");
        Self { home, listening, address, http }
    }

    /// A POST that is signed with the secret, or with another one.
    fn signed(&self, secret: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        let at = RuntimeEnv::real().now().seconds();
        let signature = signature::sign(&Secret::new(secret.to_owned()), at, &body);
        let post = self.http.post(format!("{}/hook", self.address)).body(body);
        post.header("x-wlcro-timestamp", at.to_string()).header("x-wlcro-signature", signature)
    }

    fn told(&self) -> Vec<Value> {
        self.listening.told().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn database(&self) -> rusqlite::Connection {
        let folder = std::fs::read_dir(self.home.path("state/crow")).expect("a folder");
        let is_database = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "db");
        let file = folder.map(|entry| entry.expect("an entry").path()).find(is_database).expect("a database");
        rusqlite::Connection::open(file).expect("it opens")
    }

    /// Returns the stored deliveries: event and status of each.
    fn kept(&self) -> Vec<(Option<i64>, u16)> {
        let database = self.database();
        let mut statement = database
            .prepare("SELECT event, answered_status FROM received_deliveries ORDER BY id")
            .expect("a statement");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("all of them")
    }

    /// Ends the receiver, and returns the counts of refused requests that it left.
    fn refused(self) -> Vec<(String, i64)> {
        let database = self.database();
        self.listening.signal("TERM");
        assert_eq!(self.listening.ended(), Some(0));
        let mut statement = database
            .prepare("SELECT reason, sum(n) FROM refused_deliveries GROUP BY reason ORDER BY reason")
            .expect("a statement");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("all of them")
    }

    fn n_bytes_kept(&self) -> u64 {
        let folder = std::fs::read_dir(self.home.path("state/crow")).expect("a folder");
        folder.map(|entry| entry.expect("an entry").metadata().expect("its size").len()).sum()
    }
}

/// An envelope of an event that is so many bytes long.
fn envelope(id: i64, n_bytes: usize) -> Vec<u8> {
    let head = format!(r#"{{"id":{id},"type":"lead.created","companyId":92,"payload":{{"client_id":1,"x":""#);
    let fill = "y".repeat(n_bytes.saturating_sub(head.len() + 3));
    format!("{head}{fill}\"}}}}").into_bytes()
}

#[tokio::test]
async fn only_posts_within_the_limit_are_deliveries_and_every_refusal_is_shown() {
    let behind = Receiver::start(&[Behaviour::Status(200)]).await;
    let scene = Scene::with(&["--forward", &behind.url]).await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let answered = scene.http.request(method.clone(), format!("{}/favicon.ico", scene.address)).send().await;
        let answered = answered.expect("an answer");
        assert_eq!(
            (answered.status().as_u16(), &answered.headers()["allow"]),
            (405, &"POST".parse().expect("a value"))
        );
        scene.listening.tells(1, &format!("method {method}, expected POST")).await;
    }
    // The largest envelope that a platform makes of a request of 1 MiB, and more than that; then one beyond.
    for (n_bytes, status) in [(1_048_653, 200), (2 * 1024 * 1024, 200), (2 * 1024 * 1024 + 1, 413)] {
        let answered = scene.signed(SECRET, envelope(7, n_bytes)).send().await.expect("an answer");
        assert_eq!(answered.status().as_u16(), status, "{n_bytes}");
    }
    scene.listening.tells(1, "body larger than 2 MiB").await;
    let unsigned = scene.http.post(&scene.address).body("{}").send().await.expect("an answer");
    assert_eq!(unsigned.status(), 401);
    scene.listening.tells(1, "not signed").await;
    let statuses: Vec<u64> = scene.told().iter().map(|told| told["answered"].as_u64().expect("a status")).collect();
    assert_eq!(statuses, [405, 405, 405, 405, 405, 405, 200, 200, 413, 401]);
    assert_eq!(scene.kept(), [(Some(7), 200), (Some(7), 200)], "nothing else is remembered");
    assert_eq!(behind.ledger().len(), 2, "nothing else is handed on");
    assert_eq!(behind.ledger()[0].body, envelope(7, 1_048_653));
    let counted = [("not_signed", 1), ("too_large", 1)].map(|(reason, n)| (reason.to_owned(), n));
    assert_eq!(scene.refused(), counted, "other methods are not even counted");
}

/// Forged bodies of a flood, and the size of each in bytes.
const FORGED: (u32, usize) = (150, 1 << 20);
/// Most bytes on the disk that the flood may cost, and most milliseconds of CPU that each body may.
const MAX_COST: (u64, u64) = (1 << 20, 50);

#[tokio::test]
async fn forged_bodies_are_counted_and_cost_neither_disk_nor_time() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    for id in [1, 2] {
        platform.happens(id, "lead.created", ambient.now().minus(Duration::from_secs(10)));
    }
    let scene = Scene::on(&platform.address, &[]).await;
    let genuine = scene.signed(SECRET, envelope(1, 200)).send().await.expect("an answer");
    assert_eq!(genuine.status(), 200);
    let (before, used) = (scene.n_bytes_kept(), scene.listening.cpu_ms());
    // JSON of many values: what a search for the reason would be most costly for. It claims to be event 2.
    let (n, size) = FORGED;
    let head = r#"{"id":2,"type":"lead.created","companyId":92,"payload":["#;
    let values = "0,".repeat((size - head.len() - 3) / 2);
    let body = format!("{head}{values}0]}}{}", " ".repeat(size - head.len() - values.len() - 3)).into_bytes();
    assert_eq!(body.len(), size);
    for _ in 0..n {
        let answered = scene.signed("another secret, not the given one", body.clone()).send().await.expect("an answer");
        assert_eq!(answered.status(), 401);
    }
    scene.listening.tells(20, "\"answered\":401").await;
    let grown = scene.n_bytes_kept().saturating_sub(before);
    let used = scene.listening.cpu_ms() - used;
    let (max_bytes, max_ms) = MAX_COST;
    assert!(grown <= max_bytes, "{n} forged bodies of 1 MiB took {grown} bytes on the disk");
    assert!(used <= u64::from(n) * max_ms, "{n} forged bodies took {used} ms of CPU");
    assert_eq!(scene.kept(), [(Some(1), 200)], "nothing forged is kept as received");
    // Event 2 was claimed 150 times, and is missing all the same.
    let asked = async |command: &[&str]| {
        let key = scene.home.path("key").display().to_string();
        let target = ["--json", "--url", &platform.address, "--key-file", &key];
        let output = scene.home.ask(&[command, &target].concat()).await;
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), document)
    };
    let (code, compared) = asked(&["reconcile"]).await;
    let numbers = (compared["nPolled"].as_u64(), compared["nReceived"].as_u64());
    assert_eq!((code, numbers), (Some(1), (Some(2), Some(1))), "{compared}");
    assert_eq!(compared["missing"].as_array().map(Vec::len), Some(1), "{compared}");
    let (_, listed) = asked(&["deliveries", "attempts"]).await;
    let events: Vec<&Value> = listed["items"].as_array().expect("rows").iter().map(|row| &row["eventId"]).collect();
    assert_eq!(events, [1], "{listed}");
    let forged_lines = scene.told().into_iter().filter(|told| told["eventId"] == 2 && told["answered"] == 200);
    assert_eq!(forged_lines.count(), 0, "nor is it shown as received");
    #[expect(clippy::print_stdout, reason = "the figures are looked at with --nocapture")]
    {
        let each = used as f64 / f64::from(n);
        println!("{n} forged bodies of 1 MiB: {grown} bytes on the disk, {each:.1} ms of CPU each");
    }
    assert_eq!(scene.refused(), [("signature_mismatch".to_owned(), i64::from(n))]);
}

#[tokio::test]
async fn the_number_of_an_event_is_taken_from_the_signed_body_only() {
    let scene = Scene::with(&[]).await;
    let body = envelope(1, 200);
    let lied = scene.signed(SECRET, body.clone()).header("x-wlcro-event-id", "777").send().await.expect("an answer");
    assert_eq!(lied.status(), 401);
    scene.listening.tells(1, "event 777 in the header, 1 in the body: possibly forged").await;
    let lied = scene.signed(SECRET, body.clone()).header("x-wlcro-event-type", "payment.failed").send().await;
    assert_eq!(lied.expect("an answer").status(), 401);
    let forged = scene.signed("another secret, not the given one", body.clone()).header("x-wlcro-event-id", "778");
    assert_eq!(forged.send().await.expect("an answer").status(), 401);
    let same = scene.signed(SECRET, body).header("x-wlcro-event-id", "1").send().await.expect("an answer");
    assert_eq!(same.status(), 200);
    // A test delivery is of no event.
    let test = scene.signed(SECRET, envelope(0, 200)).send().await.expect("an answer");
    assert_eq!(test.status(), 200);
    assert_eq!(scene.kept(), [(Some(1), 200), (None, 200)]);
    let counted = [("contradicting_headers", 2), ("signature_mismatch", 1)].map(|(reason, n)| (reason.to_owned(), n));
    assert_eq!(scene.refused(), counted);
}

type Heads = Arc<Mutex<Vec<HeaderMap>>>;

async fn peculiar(State(heads): State<Heads>, headers: HeaderMap, _body: Bytes) -> Response {
    heads.lock().expect("not poisoned").push(headers);
    let response = Response::builder()
        .status(503)
        .header("retry-after", "7")
        .header("content-type", "application/octet-stream")
        .header("content-encoding", "gzip")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .header("connection", "x-of-this-hop")
        .header("x-of-this-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authenticate", "Basic");
    response.body(Body::from(&b"\xff\xfe\x00\x80"[..])).expect("an answer")
}

#[tokio::test]
async fn a_forwarded_answer_keeps_its_bytes_and_headers_except_those_of_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let behind = format!("http://{}/in?a=1&b=%2F", listener.local_addr().expect("an address"));
    let heads = Heads::default();
    let router = Router::new().fallback(peculiar).with_state(Arc::clone(&heads));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    let scene = Scene::with(&["--forward", &behind]).await;
    let request = scene.signed(SECRET, envelope(1, 200));
    let request = request
        .header("connection", "x-private, keep-alive")
        .header("x-private", "1")
        .header("te", "trailers")
        .header("proxy-authorization", "Basic x")
        .header("x-application", "kept");
    let answered = request.send().await.expect("an answer");
    let headers = answered.headers().clone();
    assert_eq!(answered.status(), 503);
    let value_of = |headers: &HeaderMap, name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let value = |name: &str| value_of(&headers, name);
    assert_eq!((value("retry-after").as_str(), value("content-encoding").as_str()), ("7", "gzip"));
    assert_eq!(value("content-type"), "application/octet-stream");
    assert_eq!(headers.get_all("x-twice").iter().count(), 2);
    assert!(["x-of-this-hop", "keep-alive", "proxy-authenticate"].iter().all(|name| !headers.contains_key(*name)));
    assert_eq!(answered.bytes().await.expect("its body").as_ref(), b"\xff\xfe\x00\x80");
    let sent = heads.lock().expect("not poisoned").remove(0);
    assert!(["x-private", "proxy-authorization"].iter().all(|name| !sent.contains_key(*name)), "{sent:?}");
    assert_eq!(&sent["te"], "trailers", "the receiver may send trailers, which are passed back");
    for passed in [&sent, &headers] {
        assert!(value_of(passed, "via").starts_with("1.1 crow-"), "{passed:?}");
    }
    assert_eq!(
        (&sent["x-application"], sent.contains_key("x-wlcro-signature")),
        (&"kept".parse().expect("a value"), true)
    );
    serving.abort();
}

#[tokio::test]
async fn crow_listen_trusts_a_private_authority_that_is_named() {
    let behind = Receiver::start(&[Behaviour::Status(202)]).await;
    let authority = Authority::named("an authority of ours");
    let to = behind.url.trim_end_matches("/hook").to_owned();
    let wire = Wire::to(&to, Some(authority.server(Kind::Good))).await;
    let url = format!("https://localhost:{}/hook", wire.port);
    let file = authority.file().to_str().expect("text").to_owned();
    for (more, status) in [(vec!["--forward", &url], 502), (vec!["--forward", &url, "--trust-ca", &file], 202)] {
        let scene = Scene::with(&more).await;
        let answered = scene.signed(SECRET, envelope(1, 200)).send().await.expect("an answer");
        assert_eq!(answered.status().as_u16(), status, "{more:?}");
    }
}

#[tokio::test]
async fn deliveries_in_progress_at_the_signal_are_finished_and_stored() {
    let mut behind = HeldAnswer::start().await;
    let scene = Scene::with(&["--forward", &behind.url]).await;
    let posting = tokio::spawn(scene.signed(SECRET, envelope(5, 200)).send());
    behind.arrives().await;
    scene.listening.signal("TERM");
    let address = scene.address.trim_start_matches("http://").to_owned();
    until("nothing new is taken", async || TcpStream::connect(&address).await.is_err()).await;
    behind.release();
    let answered = within("it is answered", posting).await.expect("no panic").expect("an answer");
    assert_eq!(answered.status(), 202);
    scene.listening.tells(1, "\"answered\":202").await;
    assert_eq!(scene.kept(), [(Some(5), 202)]);
    assert_eq!(scene.listening.ended(), Some(0));
}

#[tokio::test]
async fn each_route_has_its_receiver_its_secrets_and_its_subscription() {
    const OLD: &str = "whsec-that-is-being-replaced-01";
    let (one, two) =
        (Receiver::start(&[Behaviour::Status(201)]).await, Receiver::start(&[Behaviour::Status(202)]).await);
    let home = Home::new();
    for (name, text) in [("new", SECRET), ("old", OLD), ("other", "whsec-of-another-subscription-1")] {
        std::fs::write(home.path(name), text).expect("written");
    }
    let file = |path: &str, name: &str| format!("{path}={}", home.path(name).display());
    let routes = [format!("/hooks/a={}", one.url), format!("/hooks/b={}?token=abc", two.url)];
    let secrets = [file("/hooks/a", "new"), file("/hooks/a", "old"), file("/hooks/b", "other")];
    let mut command = home.crow(&["listen", "--json", "--url", "http://127.0.0.1:9", "--subscription", "/hooks/b=12"]);
    command.args(routes.iter().flat_map(|route| ["--route", route]));
    command.args(secrets.iter().flat_map(|secret| ["--secret-file", secret]));
    let listening = Lines::start(&mut command);
    listening.tells(1, "listening on ").await;
    let address = listening.told()[0].replace("listening on ", "");
    let scene =
        Scene { home, listening, address, http: crow::client::connection::bare_http_client().expect("a client") };
    let post = async |path: &str, secret: &str| {
        let (body, at) = (envelope(7, 200), RuntimeEnv::real().now().seconds());
        let signature = signature::sign(&Secret::new(secret.to_owned()), at, &body);
        let post = scene.http.post(format!("{}{path}", scene.address)).body(body);
        let post = post.header("x-wlcro-timestamp", at.to_string()).header("x-wlcro-signature", signature);
        let answered = post.send().await.expect("an answer");
        let status = answered.status().as_u16();
        answered.bytes().await.expect("its end, after which the receipt is stored");
        status
    };
    let other = "whsec-of-another-subscription-1";
    assert_eq!([post("/hooks/a", SECRET).await, post("/hooks/a", OLD).await], [201, 201], "either secret is good");
    assert_eq!([post("/hooks/a", other).await, post("/hooks/b", SECRET).await], [401, 401], "those of others are not");
    assert_eq!([post("/hooks/b", other).await, post("/hooks/c", other).await], [202, 404]);
    assert_eq!((one.ledger().len(), two.ledger().len()), (2, 1));
    scene.listening.tells(3, "\"verdict\":\"genuine\"").await;
    let statement_of = |sql: &str| {
        let database = scene.database();
        let mut statement = database.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        rows.collect::<Result<Vec<_>, _>>().expect("all of them")
    };
    let kept = statement_of(
        "SELECT concat_ws(' ', path, secret_number, coalesce(subscription, '-'), forwarded_to, length(body), n_bytes)
         FROM received_deliveries ORDER BY id",
    );
    let expected = [
        format!("/hooks/a 1 - {} 0 200", one.url),
        format!("/hooks/a 2 - {} 0 200", one.url),
        format!("/hooks/b 1 12 {}?REDACTED 0 200", two.url),
    ];
    assert_eq!(kept, expected, "without the bodies, and without secret parts of addresses");
    let counted = [("signature_mismatch", 2), ("unknown_path", 1)].map(|(reason, n)| (reason.to_owned(), n));
    assert_eq!(scene.refused(), counted);
}

#[tokio::test]
async fn routes_that_contradict_each_other_are_refused_with_the_remedy() {
    let home = Home::new();
    std::fs::write(home.path("secret"), SECRET).expect("written");
    let secret = home.path("secret").display().to_string();
    for (arguments, part) in [
        (vec!["--route", "/a=http://127.0.0.1:1", "--route", "/a=http://127.0.0.1:2"], "two routes for /a"),
        (vec!["--route", "a=http://127.0.0.1:1"], "a path begins with /"),
        (vec!["--route", "/a=ftp://127.0.0.1"], "must begin with http:// or https://"),
        (vec!["--route", "/a=http://127.0.0.1:1", "--subscription", "/b=1"], "no --route has this path"),
        (vec!["--route", "/a=http://127.0.0.1:1", "--secret-file", "/b=secret"], "no --route has this path"),
        (vec!["--report-to", "http://observer.example", "--token-file", &secret], "unencrypted"),
        (vec!["--report-to", "http://127.0.0.1:1", "--token-file", &secret], "not an operator token"),
    ] {
        let refused = home.ask(&[&["listen", "--url", "http://127.0.0.1:9"], arguments.as_slice()].concat()).await;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains(part), "{arguments:?}: {told}");
    }
}

/// Compares the output and the exit code of `crow reconcile` with nothing, something and everything to compare.
#[tokio::test]
async fn reconcile_exits_with_0_if_nothing_is_missing_and_2_if_nothing_was_compared() {
    let ambient = RuntimeEnv::real();
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    let earlier = || ambient.now().minus(Duration::from_secs(10));
    let home = Home::new();
    std::fs::write(home.path("unknown"), "wlcro_live_92_xyz_DEF-0123456789abcdefghijklmnopqrstuvwxy").expect("written");
    let file = |name: &str| home.path(name).display().to_string();
    let up = platform.address.clone();
    let ask = async |url: &str, key: &str, more: &str| {
        let arguments = format!("reconcile --url {url} --key-file {} {more}", file(key));
        let output = home.ask(&arguments.split_whitespace().collect::<Vec<_>>()).await;
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), told)
    };
    let expect = async |came: (Option<i32>, String), code: i32, part: &str| {
        assert!(came.0 == Some(code) && came.1.contains(part), "{code} and {part:?} from {came:?}");
    };
    expect(ask(&up, "key", "").await, 2, "nothing was received here yet").await;
    expect(ask(&up, "key", "--types lead.creatd").await, 2, "unknown event type lead.creatd; known: client.created")
        .await;
    expect(ask(&up, "unknown", "--types lead.created").await, 2, "we do not know this key").await;
    expect(ask("http://127.0.0.1:9", "key", "--types lead.created").await, 2, "cannot reach").await;
    expect(ask(&up, "key", "--types lead.created").await, 2, "no event of these types in the last 1h").await;
    // A key without the scope; the history of this address forgets what it learnt of the name with another home.
    let other = Home::new();
    platform.lacks_events(true);
    let key = file("key");
    let refused = other.ask(&["reconcile", "--types", "lead.created", "--url", &up, "--key-file", &key]).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && told.contains("has the scope events:read"), "{told}");
    platform.lacks_events(false);
    // One of two was received.
    platform.happens(1, "lead.created", earlier());
    let listening = Lines::start(&mut home.crow(&["listen", "--json", "--url", &up]));
    listening.tells(1, "listening on ").await;
    let address = listening.told()[0].replace("listening on ", "");
    let http = crow::client::connection::bare_http_client().expect("a client");
    let received = async |id: i64| {
        let answered = http.post(&address).body(envelope(id, 200)).send().await.expect("an answer");
        assert_eq!(answered.status(), 200);
    };
    received(1).await;
    received(0).await;
    let whole = ask(&up, "key", "").await;
    assert!(!whole.1.contains("not polled"), "a test delivery is of no event: {}", whole.1);
    expect(whole, 0, "1 event polled, 1 of them received").await;
    platform.happens(2, "lead.created", earlier());
    platform.happens(3, "payment.failed", earlier());
    let lacking = ask(&up, "key", "").await;
    assert!(lacking.1.contains("waiting: "), "it says that it waits, and for how long: {}", lacking.1);
    assert!(lacking.1.contains("not compared  1 of payment.failed"), "{}", lacking.1);
    expect(lacking, 1, "missing   2  lead.created").await;
}
