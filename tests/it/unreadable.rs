//! Lists of the Portal with a row that cannot be read: the rows beside it are listed and shown, the row is counted and shown as received, and
//! nothing that judges the whole says that all is well.

use crate::support::console::Console;
use crate::support::platform::{Platform, until};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::tui::state::config::ConsoleAccess;
use futures_util::stream;
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Members whose lists get a row more.
const LISTS: [&str; 5] = ["items", "lastHour", "conditions", "overdue", "acknowledgements"];

/// A proxy that puts a row of its own into every list of a platform's answers.
struct Tampering {
    address: String,
    row: Arc<Mutex<String>>,
    serving: JoinHandle<()>,
}

impl Tampering {
    async fn before(platform: &Platform) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let row = Arc::new(Mutex::new(String::new()));
        let state = (platform.http.clone(), platform.address.clone(), Arc::clone(&row));
        let router = Router::new().fallback(pass_on).with_state(state);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, row, serving }
    }

    fn adds(&self, row: &str) {
        row.clone_into(&mut self.row.lock().expect("not poisoned"));
    }
}

impl Drop for Tampering {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Far = (reqwest::Client, String, Arc<Mutex<String>>);

async fn pass_on(State((http, to, row)): State<Far>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let mut headers = parts.headers;
    headers.remove("host");
    let sent = http.request(parts.method, format!("{to}{}", parts.uri)).headers(headers).body(body).send();
    let came = sent.await.expect("an answer");
    let status = came.status();
    if parts.uri.path().ends_with("/stream") {
        let chunks = stream::unfold(came, |mut came| async move {
            let chunk = came.chunk().await.transpose()?;
            Some((chunk, came))
        });
        let stream = Body::from_stream(chunks);
        return Response::builder().status(status).body(stream).expect("an answer");
    }
    let mut text = came.text().await.expect("text");
    let row = row.lock().expect("not poisoned").clone();
    if !row.is_empty() {
        for name in LISTS {
            text = text.replace(&format!("\"{name}\":[]"), &format!("\"{name}\":[{row}]"));
            text = text.replace(&format!("\"{name}\":[{{"), &format!("\"{name}\":[{row},{{"));
        }
    }
    Response::builder().status(status).body(text.into()).expect("an answer")
}

/// Unreadable rows: half an emoji, a number out of range, another type, an empty object, too deep.
fn odd_rows() -> Vec<String> {
    let deep = format!(r#"{{"id":{}7{}}}"#, "[".repeat(300), "]".repeat(300));
    let rows = [r#"{"id":1e400}"#, r#"{"id":-1e400}"#, r#"{"name":7}"#, "{}", "null", "[]", "7", r#""\ud83d""#, &deep];
    rows.map(str::to_owned).to_vec()
}

struct Scene {
    platform: Platform,
    proxy: Tampering,
    dir: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let platform = Platform::lively().await;
        let company = platform.company("Acme").await;
        let key = platform.key(&company, &KeyScope::ALL).await;
        platform.subscribe(&company, "http://127.0.0.1:9/nobody").await;
        platform.emit(company.id).await;
        platform.partner(&key).events(None, 1).await.expect("a poll");
        let operator = platform.operator();
        until("an attempt", async || !operator.attempts(None, 9).await.expect("a page").items.is_empty()).await;
        until("a request", async || {
            !operator
                .log_page(&crow::wire::log::RequestQuery::default(), None, 9)
                .await
                .expect("a page")
                .page
                .items
                .is_empty()
        })
        .await;
        let (proxy, dir) = (Tampering::before(&platform).await, TempDir::new().expect("a directory"));
        std::fs::write(dir.path().join("token"), platform.token().reveal()).expect("written");
        Self { platform, proxy, dir }
    }

    async fn crow(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
        command.args(arguments).args(["--url", &self.proxy.address, "--token-file"]).arg(self.dir.path().join("token"));
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")] {
            command.env(name, self.dir.path().join(folder));
        }
        command.stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn r3_an_unreadable_row_hides_no_other_row_of_a_command_and_is_counted() {
    let scene = Scene::new().await;
    let lists = [
        ["keys", "list"],
        ["subs", "list"],
        ["limits", "list"],
        ["deliveries", "list"],
        ["deliveries", "attempts"],
        ["events", "list"],
        ["requests", "list"],
    ];
    let n_rows = |output: &Output| {
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        said["items"].as_array().map(Vec::len).expect("rows")
    };
    for (position, row) in odd_rows().iter().enumerate() {
        // Every list with the first of them, and one list with each of the others.
        let lists = if position == 0 { &lists[..] } else { &lists[position % lists.len()..=position % lists.len()] };
        for list in lists {
            scene.proxy.adds("");
            let whole = scene.crow(&[list[0], list[1], "--json"]).await;
            assert_eq!(whole.status.code(), Some(0), "{list:?}: {}", text(&whole.stderr));
            scene.proxy.adds(row);
            let partial = scene.crow(&[list[0], list[1], "--json"]).await;
            let told = text(&partial.stderr);
            assert_eq!(partial.status.code(), Some(1), "{list:?} {row}: {told}");
            assert!(n_rows(&partial) >= n_rows(&whole) && n_rows(&whole) > 0, "{list:?} {row}");
            let head: String = row.chars().take(12).collect();
            assert!(told.contains("could not be read") && told.contains(&head), "{list:?} {row}: {told}");
        }
    }
    // A judgement or a copy of the whole does not call it whole.
    scene.proxy.adds("{}");
    let checked = scene.crow(&["check"]).await;
    let line = text(&checked.stdout);
    assert!(matches!(checked.status.code(), Some(2 | 3)) && line.contains("[UNKNOWN] answers: "), "{line}");
    let exported = scene.crow(&["export"]).await;
    assert_eq!((exported.status.code(), text(&exported.stdout).as_str()), (Some(1), ""), "{}", text(&exported.stderr));
    let review = scene.crow(&["audit"]).await;
    let written = text(&review.stdout);
    assert!(written.contains("could not be read"), "{written}{}", text(&review.stderr));
}

#[tokio::test]
async fn r3_a_console_that_reads_part_of_an_answer_stays_live_and_shows_the_rest_raw() {
    let scene = Scene::new().await;
    scene.proxy.adds(r#"{"id":"\ud83d"}"#);
    let token = Secret::new(scene.platform.token().reveal().to_owned());
    let client = PlatformClient::new(&scene.proxy.address, ClientCredential::Operator(token)).expect("a client");
    let console = Console::open(client, scene.platform.ambient.clone(), ConsoleAccess::ReadOnly, (180, 50));
    until("a picture", async || console.shows("LIVE") && console.shows("test key")).await;
    for (key, neighbour) in
        [("2", "test key"), ("3", "127.0.0.1:9/nobody"), ("4", "lead.created"), ("5", "lead.created")]
    {
        console.press(key);
        let seen = async || {
            console.shows(neighbour) && console.shows("row could not be read") && console.shows(r#"{"id":"\ud83d"}"#)
        };
        until(&format!("pane {key}\n{}", console.text()), seen).await;
    }
    assert!(console.shows("LIVE") && !console.shows("OFFLINE"), "{}", console.text());
    console.quit().await;
}
