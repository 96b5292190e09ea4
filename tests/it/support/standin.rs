//! A platform that keeps only what the real one documents and chose everything else differently: other names for lists and cursors, another
//! shape of errors, numbers as texts, times with offsets, no Portal. It counts calls in windows, and breaks in ten ways.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use crow::clock::RuntimeEnv;
use crow::domain::scope::KeyScope;
use crow::domain::time::Timestamp;
use crow::domain::window::RateBucket;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Keys of company 92: one with all scopes, one that only polls.
pub(crate) const ALL: &str = "wlcro_live_92_abc_DEF-0123456789abcdefghijklmnopqrstuvwxy";
pub(crate) const POLLS: &str = "wlcro_live_92_polls_only-456789abcdefghijklmnopqrstuvABCD";

/// Behaviour of the stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Hang,
    Status(u16, Option<u64>),
    Garbage,
    Drip,
    /// A body that comes so slowly that its end is never seen: a byte a second.
    Trickle,
    /// Answers with a clock that is so many seconds off.
    Skewed(i64),
    /// Without any header that is documented.
    Headless,
    Redirects(String),
}

/// Choices of a platform where the documentation leaves one: names of lists and cursors, shape of errors, numbers as texts,
/// form of times, members beyond the documented ones, header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Lists in wrappers, links as cursors, ids as texts, errors in an object.
    Wrapped,
    /// Lists under their names, opaque cursors, snake case, times without an offset, errors as one message.
    Flat,
    /// Links of another host as cursors, Unix times, members missing and added, errors as HTML, other rate limit headers.
    Sparse,
}

impl Style {
    pub(crate) const ALL: [Self; 3] = [Self::Wrapped, Self::Flat, Self::Sparse];
}

/// Data of the stand-in.
#[derive(Debug)]
struct Books {
    mood: Mood,
    style: Style,
    events: Vec<(i64, &'static str, Timestamp)>,
    /// Subscriptions by number, each with whether it is enabled.
    subscriptions: BTreeMap<i64, bool>,
    used: BTreeMap<(String, RateBucket, i64), u32>,
    limits: [u32; 3],
    calls: Vec<(String, String, u16)>,
    tests: u32,
    /// Events whose JSON is not as usual, by their number.
    odd_events: BTreeMap<i64, String>,
    /// Whether all keys lack the scope for events.
    lacks_events: bool,
    /// Keys that were revoked.
    revoked: Vec<&'static str>,
    /// JSON values that are listed among the subscriptions.
    odd_subscriptions: Vec<String>,
    /// Events of a page that is asked for without a limit.
    n_page: usize,
    /// Subscriptions of a page; without one, the list is an array that is not paged.
    n_listed: Option<usize>,
    /// Whether the list of subscriptions refuses every place but its beginning.
    is_forgetful: bool,
}

/// Stand-in for a platform, which runs until it is dropped.
pub(crate) struct StandIn {
    pub(crate) address: String,
    books: Arc<Mutex<Books>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk(Arc<Mutex<Books>>, RuntimeEnv);

impl StandIn {
    pub(crate) async fn start(ambient: &RuntimeEnv) -> Self {
        Self::styled(ambient, Style::Wrapped).await
    }

    pub(crate) async fn styled(ambient: &RuntimeEnv, style: Style) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let books = Arc::new(Mutex::new(Books {
            mood: Mood::Well,
            style,
            events: Vec::new(),
            subscriptions: BTreeMap::from([(17, true), (23, true)]),
            used: BTreeMap::new(),
            limits: [60, 100, 200],
            calls: Vec::new(),
            tests: 0,
            odd_events: BTreeMap::new(),
            lacks_events: false,
            revoked: Vec::new(),
            odd_subscriptions: Vec::new(),
            n_page: 3,
            n_listed: None,
            is_forgetful: false,
        }));
        let router = Router::new().fallback(answer).with_state(Desk(Arc::clone(&books), ambient.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, books, serving }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.books.lock().expect("not poisoned"))
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        self.with(|books| books.mood = mood);
    }

    /// Allows so many calls a minute in every window.
    pub(crate) fn allows(&self, limit: u32) {
        self.with(|books| books.limits = [limit; 3]);
    }

    pub(crate) fn happens(&self, id: i64, kind: &'static str, at: Timestamp) {
        self.with(|books| books.events.push((id, kind, at)));
    }

    /// An event whose JSON is this one.
    pub(crate) fn happens_oddly(&self, id: i64, json: &str, at: Timestamp) {
        self.with(|books| {
            books.events.push((id, "lead.created", at));
            books.odd_events.insert(id, json.to_owned());
        });
    }

    /// Something among the subscriptions that is none.
    pub(crate) fn lists_oddly(&self, json: &str) {
        self.with(|books| books.odd_subscriptions = vec![json.to_owned()]);
    }

    /// Puts so many events on a page that is asked for without a limit.
    pub(crate) fn pages(&self, n: usize) {
        self.with(|books| books.n_page = n);
    }

    /// Puts so many subscriptions on a page of their list.
    pub(crate) fn lists(&self, n: usize) {
        self.with(|books| books.n_listed = Some(n));
    }

    /// Refuses every place in the list of subscriptions but its beginning.
    pub(crate) fn forgets_places(&self) {
        self.with(|books| books.is_forgetful = true);
    }

    pub(crate) fn lacks_events(&self, lacks: bool) {
        self.with(|books| books.lacks_events = lacks);
    }

    /// Accepts a key no longer.
    pub(crate) fn revokes(&self, key: &'static str) {
        self.with(|books| books.revoked.push(key));
    }

    pub(crate) fn forgets(&self, id: i64) {
        self.with(|books| books.subscriptions.remove(&id));
    }

    pub(crate) fn switch(&self, id: i64, to: bool) {
        self.with(|books| books.subscriptions.insert(id, to));
    }

    pub(crate) fn n_tests(&self) -> u32 {
        self.with(|books| books.tests)
    }

    /// Calls of a key so far: `METHOD path` and status.
    pub(crate) fn calls(&self, key: &str) -> Vec<(String, u16)> {
        self.with(|books| {
            let of_key = books.calls.iter().filter(|(by, ..)| by == key);
            of_key.map(|(_, call, status)| (call.clone(), *status)).collect()
        })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn scope_of(method: &Method, path: &str) -> Option<(KeyScope, RateBucket)> {
    let is_get = method == Method::GET;
    Some(match path {
        "/api/v1/events" if is_get => (KeyScope::EventsRead, RateBucket::Read),
        "/api/v1/events/test" => (KeyScope::Admin, RateBucket::Admin),
        "/api/v1/integrations/clients/search" if is_get => (KeyScope::IntegrationsRead, RateBucket::Read),
        "/api/v1/integrations/leads" => (KeyScope::IntegrationsWrite, RateBucket::Write),
        path if path.starts_with("/api/v1/webhooks/subscriptions") => {
            (KeyScope::WebhooksWrite, if is_get { RateBucket::Read } else { RateBucket::Admin })
        }
        _ => return None,
    })
}

fn refused(status: u16, code: &str, message: &str) -> (u16, Value) {
    (status, json!({ "error": { "code": code, "message": message } }))
}

async fn answer(State(Desk(books, ambient)): State<Desk>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let now = ambient.now();
    let mood = books.lock().expect("not poisoned").mood.clone();
    let key = parts.headers.get("x-api-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    let path = parts.uri.path().to_owned();
    match &mood {
        Mood::Hang => return std::future::pending().await,
        Mood::Status(status, retry) => {
            books.lock().expect("not poisoned").calls.push((key, format!("{} {path}", parts.method), *status));
            let mut response = (StatusCode::from_u16(*status).expect("a status"), "out of order").into_response();
            if let Some(seconds) = retry {
                response.headers_mut().insert("retry-after", seconds.to_string().parse().expect("a value"));
            }
            return response;
        }
        Mood::Garbage => return "<html><body>please log in</body></html>".into_response(),
        Mood::Redirects(to) => return (StatusCode::FOUND, [("location", to.clone())]).into_response(),
        Mood::Drip => {
            // A body that never ends: one byte, and then nothing for ever.
            let stream = futures_util::stream::unfold(0, async |n| {
                if n > 0 {
                    std::future::pending::<()>().await;
                }
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"[")), n + 1))
            });
            return Body::from_stream(Box::pin(stream)).into_response();
        }
        Mood::Trickle => {
            let stream = futures_util::stream::unfold(ambient, async |ambient| {
                ambient.sleep(std::time::Duration::from_secs(1)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ambient))
            });
            return Body::from_stream(Box::pin(stream)).into_response();
        }
        Mood::Well | Mood::Skewed(_) | Mood::Headless => {}
    }
    let mut books = books.lock().expect("not poisoned");
    let asked = Asked { method: &parts.method, path: &path, query: parts.uri.query().unwrap_or_default(), body: &body };
    let (status, body, window) = asked.answered(&mut books, &key, now);
    books.calls.push((key, format!("{} {path}", parts.method), status));
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: String| headers.insert(name, value.parse().expect("a value"));
    if mood != Mood::Headless {
        let n = books.calls.len();
        let request_id = if books.style == Style::Flat { "x-correlation-id" } else { "request-id" };
        put(request_id, format!("r-{n}"));
        if let Some((bucket, limit, left)) = window {
            let reset = now.floor_to(60_000).seconds() + 60;
            let policy = format!("{bucket}:{limit}/1m");
            let values = [limit.to_string(), left.to_string(), reset.to_string(), policy];
            window_headers(books.style).into_iter().zip(values).for_each(|(name, value)| _ = put(name, value));
            if status == 429 {
                put("retry-after", (reset - now.seconds()).to_string());
            }
        }
    }
    let ahead = if let Mood::Skewed(seconds) = mood { seconds } else { 0 };
    let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs((now.seconds() + ahead).unsigned_abs());
    put("date", httpdate::fmt_http_date(date));
    put("content-type", "application/json".to_owned());
    let mut text = if body.is_null() { String::new() } else { body.to_string() };
    // What no value can hold takes its place in the text.
    for (id, json) in &books.odd_events {
        text = text.replace(&format!("\"odd event {id}\""), json);
    }
    for (n, json) in books.odd_subscriptions.iter().enumerate() {
        text = text.replace(&format!("\"odd subscription {n}\""), json);
    }
    if status >= 400
        && let Some((media, refusal)) = refusal_in_style(books.style, status, &body)
    {
        text = refusal;
        headers.insert("content-type", media.parse().expect("a value"));
    }
    (StatusCode::from_u16(status).expect("a status"), headers, text).into_response()
}

/// Names of the headers of a window: calls allowed, calls remaining, time of the reset, policy.
const fn window_headers(style: Style) -> [&'static str; 4] {
    match style {
        Style::Sparse => ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"],
        _ => ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-policy"],
    }
}

/// Media type and text of a refusal in a form of its own; `None` for the form in which all are made.
fn refusal_in_style(style: Style, status: u16, body: &Value) -> Option<(&'static str, String)> {
    let message = body["error"]["message"].as_str().or(body["error"].as_str());
    match style {
        Style::Wrapped => None,
        Style::Flat => Some(("application/json", json!({ "message": message, "traceId": "t-1" }).to_string())),
        Style::Sparse => Some(("text/html", format!("<html><body><h1>{status}</h1>not like this</body></html>"))),
    }
}

struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    query: &'a str,
    body: &'a [u8],
}

type Window = Option<(RateBucket, u32, u32)>;

impl Asked<'_> {
    fn answered(&self, books: &mut Books, key: &str, now: Timestamp) -> (u16, Value, Window) {
        let plain = |(status, body)| (status, body, None);
        let Some((scope, bucket)) = scope_of(self.method, self.path) else {
            return plain(refused(404, "no_route", "nothing here"));
        };
        if key != ALL && key != POLLS || books.revoked.contains(&key) {
            return plain(refused(401, "bad_key", "we do not know this key"));
        }
        let limit = books.limits[bucket as usize];
        let used = books.used.entry((key.to_owned(), bucket, now.floor_to(60_000).millis())).or_default();
        if *used >= limit {
            let (status, body) = refused(429, "slow_down", "too many calls");
            return (status, body, Some((bucket, limit, 0)));
        }
        *used += 1;
        let window = Some((bucket, limit, limit - *used));
        let is_lacking = scope == KeyScope::EventsRead && books.lacks_events;
        let (status, body) = if is_lacking || key == POLLS && scope != KeyScope::EventsRead {
            (403, json!({ "error": "Forbidden", "requiredScope": scope.name() }))
        } else {
            self.permitted(books, now)
        };
        (status, body, window)
    }

    fn permitted(&self, books: &mut Books, now: Timestamp) -> (u16, Value) {
        let id = || self.path.split('/').nth(5).and_then(|id| id.parse::<i64>().ok()).unwrap_or(0);
        match (self.method.as_str(), self.path) {
            ("GET", "/api/v1/events") => (200, self.events(books)),
            ("GET", "/api/v1/integrations/clients/search") => refused(400, "bad_query", "one field at least"),
            ("GET", _) if id() != 0 => match books.subscriptions.get(&id()) {
                Some(is_enabled) => (200, subscription(books.style, id(), *is_enabled)),
                None => refused(404, "no_hook", "no such hook"),
            },
            ("DELETE", _) => match books.subscriptions.remove(&id()) {
                Some(_) => (204, Value::Null),
                None => refused(404, "no_hook", "no such hook"),
            },
            ("GET", _) if books.is_forgetful && !self.query.is_empty() => refused(400, "bad_page", "no such page"),
            ("GET", _) => (200, self.listed(books)),
            ("PATCH", _) => {
                let to = String::from_utf8_lossy(self.body).contains("true");
                books.subscriptions.insert(id(), to);
                (200, json!({ "webhook": { "id": id().to_string(), "active": to } }))
            }
            ("POST", path) if path.ends_with("/test") && id() != 0 => {
                books.tests += 1;
                (
                    200,
                    json!({ "success": true, "statusCode": 204, "elapsedMs": 12, "responseBody": "", "targetUrlUsed": "https://x" }),
                )
            }
            _ if self.body.is_empty() => refused(400, "empty", "a body is wanted"),
            _ => {
                books.events.push((9_999_999, "lead.created", now));
                (200, json!({ "created": true }))
            }
        }
    }

    /// Returns a page of events in a form of its own; no limit makes it longer.
    fn events(&self, books: &Books) -> Value {
        let cursor = match books.style {
            Style::Wrapped => "page_after=",
            Style::Flat => "cursor=",
            Style::Sparse => "after=",
        };
        let after = self.query.split('&').find_map(|pair| pair.strip_prefix(cursor)).and_then(|id| id.parse().ok());
        let after: i64 = after.unwrap_or(0);
        let limit = self.query.split('&').find_map(|pair| pair.strip_prefix("limit=")).and_then(|n| n.parse().ok());
        let n = limit.map_or(books.n_page, |n: usize| n.min(books.n_page));
        let page: Vec<_> = books.events.iter().filter(|(id, ..)| *id > after).take(n).collect();
        let items: Vec<Value> = page
            .iter()
            .map(|(id, kind, at)| {
                if books.odd_events.contains_key(id) {
                    return json!(format!("odd event {id}"));
                }
                match books.style {
                    Style::Wrapped => {}
                    Style::Flat => {
                        return json!({ "id": id, "event_type": kind, "created_at": at.format("%Y-%m-%d %H:%M:%S"),
                            "company_id": 92, "payload": { "client_id": id } });
                    }
                    Style::Sparse => {
                        return json!({ "eventId": id, "event": kind, "timestamp": at.seconds(), "payload": {},
                            "links": [], "etag": null });
                    }
                }
                json!({ "id": id.to_string(), "type": kind, "createdUtc": at.format("%Y-%m-%dT%H:%M:%S.250+00:00"),
                    "companyId": "92", "payload": { "client_id": id }, "surprise": [1, 2] })
            })
            .collect();
        let last = page.last().map_or(after, |(id, ..)| *id);
        match books.style {
            Style::Wrapped => {
                let next = format!("/api/v1/events?page_after={last}");
                json!({ "data": { "records": items }, "links": { "next": next } })
            }
            Style::Flat => json!({ "events": items, "meta": { "next_cursor": last.to_string() } }),
            Style::Sparse => {
                let next = format!("https://api.example.com/v2/events?after={last}");
                json!({ "results": items, "count": books.events.len(), "pagination": { "next": next } })
            }
        }
    }

    fn listed(&self, books: &Books) -> Value {
        let Some(n) = books.n_listed else { return listed(books, 0, usize::MAX) };
        let from = self.query.strip_prefix("from=").and_then(|from| from.parse().ok()).unwrap_or(0);
        let next =
            (from + n < books.subscriptions.len()).then(|| format!("/api/v1/webhooks/subscriptions?from={}", from + n));
        json!({ "webhooks": listed(books, from, n), "links": { "next": next } })
    }
}

/// Subscriptions from a place in the list on, `n` at most.
fn listed(books: &Books, from: usize, n: usize) -> Value {
    let odd = (0..books.odd_subscriptions.len()).map(|n| json!(format!("odd subscription {n}")));
    let items = books.subscriptions.iter().skip(from).take(n);
    let items = items.map(|(id, is_enabled)| subscription(books.style, *id, *is_enabled));
    let (mut items, mut odd): (Vec<Value>, Vec<Value>) = (items.collect(), odd.collect());
    items.splice(1..1, odd.drain(..));
    Value::Array(items)
}

/// Subscription in a form of its own.
fn subscription(style: Style, id: i64, is_enabled: bool) -> Value {
    let target = format!("https://hooks.example.com/{id}");
    match style {
        Style::Wrapped => json!({ "id": id.to_string(), "targetUrl": target,
            "eventTypes": "lead.created,payment.failed", "isEnabled": is_enabled, "managedBy": null }),
        Style::Flat => json!({ "subscription_id": id, "url": target, "events": ["lead.created", "payment.failed"],
            "status": if is_enabled { "active" } else { "disabled" }, "name": "hook", "team": { "id": 4 } }),
        Style::Sparse => json!({ "id": id, "endpoint": target, "enabled": u8::from(is_enabled) }),
    }
}
