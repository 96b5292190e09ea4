//! Upgrades: data that an earlier version wrote opens with nothing lost. `tests/data/upgrade/make.py` made the data with
//! that version; the expected answers are the ones that it gave.

use super::disk::Shim;
use super::process::{ANY, Serving, crow, done};
use crate::support::platform::{plain_http, until};
use crate::support::receiver::{Behaviour, Receiver};
use crate::support::terminal::Terminal;
use crow::clock::RuntimeEnv;
use crow::domain::ids::EventId;
use crow::domain::log::PageSpec;
use crow::domain::secret::Secret;
use crow::domain::signature::verify;
use crow::domain::time::Timestamp;
use crow::history::PlatformHistory;
use crow::history::observations::{ObservedKey, PlatformObservations, SubscriptionOutage};
use crow::history::seen_windows::ObservedWindow;
use crow::wire::attempts::AttemptRow;
use crow::wire::deliveries::EventRow;
use crow::wire::log::{AttemptQuery, EventQuery, RequestQuery, TripQuery};
use crow::wire::requests::RequestRow;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const HOUR_MS: i64 = 3_600_000;

/// Reasons in event traces as the earlier version worded them, each with today's wording. They are not stored.
const REWORDED: [(&str, &str); 5] = [
    ("it wants this type and was enabled", "subscribed to this type and enabled"),
    (
        "it wants this type but was disabled when the event happened",
        "subscribed to this type but disabled when the event happened",
    ),
    ("it did not want this type when the event happened", "not subscribed to this type when the event happened"),
    ("it was created after the event", "created after the event"),
    ("it was deleted before the event", "deleted before the event"),
];

/// States of deliveries as the earlier version called them, each with today's name.
const RENAMED_STATES: [(&str, &str); 2] = [("skipped", "missed"), ("parked", "on_hold")];

/// The files of the earlier version, unpacked, with a wall clock that goes on from the moment they were left.
struct Upgrade {
    home: TempDir,
    shim: Shim,
    answers: Value,
}

impl Upgrade {
    fn unpack() -> Self {
        let home = TempDir::new().expect("a directory");
        let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/upgrade/before.tar.gz");
        let mut command = Command::new("tar");
        command.args(["-xpzf", archive, "-C"]).arg(home.path());
        assert!(command.status().expect("tar runs").success());
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(home.path().join("data"), private).expect("ours alone");
        let shim = Shim::build(home.path(), &home.path().join("unwatched"));
        let text = std::fs::read_to_string(home.path().join("answers.json")).expect("answers");
        let upgrade = Self { home, shim, answers: serde_json::from_str(&text).expect("JSON") };
        upgrade.set_clock(0);
        upgrade
    }

    /// Sets the wall clock to so many seconds after the files were left.
    fn set_clock(&self, seconds: i64) {
        let left = self.answers["at"].as_i64().expect("a time");
        self.shim.set_clock(left + seconds - RuntimeEnv::real().now().millis() / 1_000);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn crow(&self, arguments: &[&str], dir: &Path) -> Command {
        let mut command = crow(arguments, dir);
        self.shim.under(&mut command);
        command
    }

    fn serve(&self) -> Serving {
        Serving::under(&self.path("data"), ANY, |command| {
            self.shim.under(command);
            command.args(["--keep", "forever"]);
        })
    }

    fn id(&self, name: &str) -> i64 {
        self.answers["ids"][name].as_i64().expect("a number")
    }

    fn key(&self, name: &str) -> &str {
        self.answers["keys"][name].as_str().expect("a key")
    }

    fn rows(&self, table: &str) -> &[Value] {
        self.answers["history"][table].as_array().expect("rows")
    }

    /// Deliveries of a subscription that were left in a state.
    fn deliveries(&self, subscription: &str, state: &'static str) -> impl Iterator<Item = String> {
        let rows = self.answers["portal"]["/portal/v1/deliveries?limit=200"]["items"].as_array().expect("deliveries");
        let id = self.id(subscription);
        rows.iter()
            .filter(move |row| row["subscriptionId"] == id && row["state"] == state)
            .map(|row| row["id"].to_string())
    }

    /// Writes the audit head that the earlier version printed into a file.
    fn head(&self) -> String {
        let file = self.path("head");
        std::fs::write(&file, self.answers["head"].as_str().expect("a head")).expect("written");
        file.to_string_lossy().into_owned()
    }
}

/// Caller of an API: an operator or a partner.
#[derive(Clone, Copy)]
enum Caller<'a> {
    Operator(&'a str),
    Partner(&'a str),
}

async fn ask(base: &str, caller: Caller<'_>, method: &str, path: &str, body: Option<(&Value, &str)>) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    let request = plain_http().request(method, format!("{base}{path}"));
    let request = match caller {
        Caller::Operator(token) => request.header("authorization", format!("Bearer {token}")),
        Caller::Partner(key) => request.header("x-api-key", key),
    };
    let request = match body {
        Some((body, "")) => request.header("content-type", "application/json").body(body.to_string()),
        Some((body, once)) => {
            request.header("content-type", "application/json").header("idempotency-key", once).body(body.to_string())
        }
        None => request,
    };
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Lists the places where an answer differs from the expected one. Additional members are allowed.
fn compare(expected: &Value, found: &Value, path: &str, lost: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, expected) in expected {
                compare(expected, found.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"), lost);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(expected, found, &format!("{path}[{at}]"), lost);
            }
        }
        _ if expected == found => {}
        _ if path.ends_with(".why") && REWORDED.iter().any(|(old, new)| expected == old && found == new) => {}
        _ if path.ends_with(".state") && RENAMED_STATES.iter().any(|(old, new)| expected == old && found == new) => {}
        _ => lost.push(format!("{path}: {expected:.200} became {found:.200}")),
    }
}

/// Asks everything that the earlier version was asked, and lists what is answered otherwise.
async fn losses(upgrade: &Upgrade, base: &str, operator: Caller<'_>) -> Vec<String> {
    let mut lost = Vec::new();
    let portal = upgrade.answers["portal"].as_object().expect("answers");
    assert!(portal.len() > 300, "{} answers", portal.len());
    for (path, expected) in portal {
        let (status, found) = ask(base, operator, "GET", path, None).await;
        assert_eq!(status, 200, "{path}: {found}");
        compare(expected, &found, path, &mut lost);
    }
    for (asked, expected) in upgrade.answers["partner"].as_object().expect("answers") {
        let (name, path) = asked.split_once(' ').expect("a key and a path");
        let (status, found) = ask(base, Caller::Partner(upgrade.key(name)), "GET", path, None).await;
        compare(expected, &json!({"status": status, "answer": found}), asked, &mut lost);
    }
    lost
}

/// Rate windows of the past, of which the API sums up the last hour alone, have the calls that they had.
fn rate_windows_are_kept(upgrade: &Upgrade) {
    let database = Connection::open(upgrade.path("data/platform.db")).expect("a database");
    // Windows from the minute in which the files were left may be those of the questions of this test.
    let left = upgrade.answers["at"].as_i64().expect("a time") / 60 * 60_000;
    let windows = "SELECT key_id, bucket, start_at, n_admitted, n_rejected FROM rate_windows WHERE start_at < ?1";
    let mut windows = database.prepare(windows).expect("a statement");
    let read = |row: &Row<'_>| {
        let (key, bucket, start): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (used, refused): (i64, i64) = (row.get(3)?, row.get(4)?);
        Ok(json!({"key_id": key, "bucket": bucket, "start_at": start, "used": used, "refused": refused}))
    };
    let found: Vec<Value> = windows.query_map([left], read).expect("rows").collect::<Result<_, _>>().expect("windows");
    assert_eq!(json!(found), upgrade.answers["windows"]);
    assert!(found.iter().any(|window| window["refused"].as_i64() > Some(0)), "{found:?}");
}

/// Asserts that keys and tokens stay valid, and that a create with a known `Idempotency-Key` gets the stored answer.
async fn credentials_are_what_they_were(upgrade: &Upgrade, base: &str) {
    let (status, found) = ask(base, Caller::Partner(upgrade.key("gone")), "GET", "/api/v1/events", None).await;
    assert_eq!((status, &found["code"]), (401, &json!("revoked_key")));
    let (status, _) = ask(base, Caller::Partner(upgrade.key("reader")), "GET", "/api/v1/events", None).await;
    assert_eq!(status, 200);
    let viewer = Caller::Operator(upgrade.answers["viewer"].as_str().expect("a token"));
    assert_eq!(ask(base, viewer, "GET", "/portal/v1/keys", None).await.0, 200);
    let lead = Some((&upgrade.answers["lead"], "fixture-1"));
    let everything = Caller::Partner(upgrade.key("everything"));
    let (status, found) = ask(base, everything, "POST", "/api/v1/integrations/leads", lead).await;
    assert_eq!(json!({"status": status, "answer": found}), upgrade.answers["repeated"]);
}

/// A change by the operator; its answer.
async fn act(base: &str, operator: Caller<'_>, path: &str, body: Value) -> Value {
    let (status, answer) = ask(base, operator, "POST", path, Some((&body, ""))).await;
    assert!(status < 300, "{path}: {status} {answer}");
    answer
}

/// Deliveries that have come to a receiver.
fn came(receiver: &Receiver) -> BTreeSet<String> {
    receiver.ledger().iter().map(|one| one.header("x-wlcro-delivery-id").to_owned()).collect()
}

/// Asserts that missed events are replayed, a paused replay continues, and signatures are made with the stored secrets.
async fn deliveries_go_on(upgrade: &Upgrade, base: &str, operator: Caller<'_>, receiver: &Receiver) {
    let everything = Caller::Partner(upgrade.key("everything"));
    let target = json!({"targetUrl": receiver.url});
    for name in ["good", "manual", "late"] {
        let path = format!("/api/v1/webhooks/subscriptions/{}", upgrade.id(name));
        assert_eq!(ask(base, everything, "PATCH", &path, Some((&target, ""))).await.0, 200);
    }
    let manual = format!("/portal/v1/subscriptions/{}", upgrade.id("manual"));
    let missed: BTreeSet<String> = upgrade.deliveries("manual", "skipped").collect();
    assert!(missed.len() >= 4, "{missed:?}");
    act(base, operator, &format!("{manual}/enable"), json!({})).await;
    let plan = json!({"since": "2026-01-15T11:00:00Z", "states": ["skipped"]});
    act(base, operator, &format!("{manual}/replay"), plan).await;
    until("what was missed", async || missed.is_subset(&came(receiver))).await;
    let paused = format!("/portal/v1/replays/{}", upgrade.id("paused"));
    act(base, operator, &format!("{paused}/resume"), json!({})).await;
    until("the paused replay", async || ask(base, operator, "GET", &paused, None).await.1["phase"] == "finished").await;
    let progress = ask(base, operator, "GET", &paused, None).await.1["progress"].clone();
    let left = &upgrade.answers["portal"][&paused]["progress"];
    let n = |name: &str| progress[name].as_i64().expect("a number");
    assert_eq!(
        (n("nSelected"), n("nTaken") + n("nPassed")),
        (n("nSelected"), left["nSelected"].as_i64().expect("a number"))
    );
    let secret = Secret::new(upgrade.answers["secret"].as_str().expect("a secret").to_owned());
    for request in receiver.ledger() {
        let at = request.header("x-wlcro-timestamp").parse().expect("a time");
        assert!(verify(&secret, at, &request.body, request.header("x-wlcro-signature")));
    }
}

#[tokio::test]
async fn an_upgraded_platform_answers_as_before_and_continues_deliveries() {
    let upgrade = Upgrade::unpack();
    let token = std::fs::read_to_string(upgrade.path("data/operator.token")).expect("the token");
    let operator = Caller::Operator(token.trim());
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let serving = upgrade.serve();
    let base = serving.address.clone();
    let lost = losses(&upgrade, &base, operator).await;
    assert!(lost.is_empty(), "{} differences:\n{}", lost.len(), lost.join("\n"));
    rate_windows_are_kept(&upgrade);
    credentials_are_what_they_were(&upgrade, &base).await;
    deliveries_go_on(&upgrade, &base, operator, &receiver).await;
    let last = upgrade.answers["portal"]["/portal/v1/events?limit=200"]["items"][0]["id"].as_i64().expect("a number");
    let event = json!({"companyId": upgrade.id("acme"), "type": "agreement.signed"});
    assert_eq!(act(&base, operator, "/portal/v1/events", event).await["id"], last + 1, "numbers go on");
    // A retry that was scheduled before the upgrade is made when it is due.
    let pending = upgrade.deliveries("late", "pending").next().expect("a retry");
    assert!(!came(&receiver).contains(&pending), "not due yet");
    serving.stop();
    upgrade.set_clock(4 * 24 * 3_600);
    let serving = upgrade.serve();
    until("the retry", async || came(&receiver).contains(&pending)).await;
    serving.stop();
    done(&mut upgrade.crow(&["db", "verify", "--expect-head", &upgrade.head()], &upgrade.path("data")));
}

#[test]
fn data_of_an_earlier_version_is_backed_up_and_restored_without_a_start() {
    let upgrade = Upgrade::unpack();
    let (dir, next, copy) = (upgrade.path("data"), upgrade.path("next"), upgrade.path("copy.db"));
    let copy = copy.to_str().expect("text");
    assert_eq!(done(&mut upgrade.crow(&["db", "head"], &dir)), upgrade.answers["head"].as_str().expect("a head"));
    done(&mut upgrade.crow(&["db", "verify"], &dir));
    done(&mut upgrade.crow(&["db", "backup", copy], &dir));
    done(&mut upgrade.crow(&["db", "restore", copy], &next));
    done(&mut upgrade.crow(&["db", "verify", "--expect-head", &upgrade.head()], &next));
    done(&mut upgrade.crow(&["db", "rekey"], &dir));
    done(&mut upgrade.crow(&["db", "verify", "--expect-head", &upgrade.head()], &dir));
}

/// A text column of a row.
fn text(row: &Value, column: &str) -> String {
    row[column].as_str().unwrap_or_default().to_owned()
}

/// Returns a number column of a row; `None` if it is null.
fn number(row: &Value, column: &str) -> Option<i64> {
    row[column].as_i64()
}

/// Takes columns of rows of the earlier version.
fn columns(rows: &[Value], columns: &[&str]) -> Value {
    let of = |row: &Value| columns.iter().map(|column| ((*column).to_owned(), row[column].clone())).collect();
    Value::Array(rows.iter().map(|row| Value::Object(of(row))).collect())
}

/// Compares keys and rate windows of a history with the rows of the earlier version.
fn windows_are_kept(upgrade: &Upgrade, seen: &PlatformObservations, now: Timestamp, lost: &mut Vec<String>) {
    let key = |key: &ObservedKey| {
        json!({"name": key.name, "held": key.held.to_string(), "lacking": key.lacking.to_string(),
               "refused": key.refused.as_ref().map(|why| why.raw().to_owned()), "used": key.used_at.map(Timestamp::millis)})
    };
    let keys: Vec<Value> = seen.keys.iter().map(key).collect();
    let expected = columns(upgrade.rows("keys"), &["name", "held", "lacking", "refused", "used"]);
    compare(&expected, &json!(keys), "keys", lost);

    // The highest use of each hour, by key and bucket.
    let mut hours: BTreeMap<(String, String), BTreeMap<i64, i64>> = BTreeMap::new();
    for row in upgrade.rows("windows") {
        let of = hours.entry((text(row, "key"), text(row, "bucket"))).or_default();
        let most = of.entry(number(row, "minute").expect("a minute") / HOUR_MS).or_default();
        *most = (*most).max(number(row, "used").expect("a number"));
    }
    let week = |window: &ObservedWindow| {
        let first = now.millis() / HOUR_MS + 1 - i64::try_from(window.week.len()).expect("small");
        let used = (first..).zip(&window.week).filter_map(|(hour, used)| Some((hour, i64::from((*used)?))));
        ((window.key.clone(), window.bucket.name().to_owned()), used.collect())
    };
    let found: BTreeMap<(String, String), BTreeMap<i64, i64>> = seen.windows.iter().map(week).collect();
    assert_eq!(found, hours);
    assert!(hours.values().any(|hours| hours.len() >= 3), "{hours:?}");
    for window in &seen.windows {
        let found = json!({"key": window.key, "bucket": window.bucket.name(), "minute": window.minute_at.millis(), "ceiling": window.limit,
                           "used": window.used, "n_refused": window.n_refused, "reset": window.reset_at.map(Timestamp::millis)});
        let is_same = |row: &&Value| row["key"] == found["key"] && row["bucket"] == found["bucket"];
        let newest = upgrade.rows("windows").iter().filter(is_same).max_by_key(|row| number(row, "minute"));
        let names = ["key", "bucket", "minute", "ceiling", "used", "n_refused", "reset"];
        let newest = columns(std::slice::from_ref(newest.expect("a row")), &names);
        compare(&newest[0], &found, "windows", lost);
    }
}

/// Compares subscriptions, outages and watch periods of a history with the rows of the earlier version.
async fn observations_are_kept(
    upgrade: &Upgrade,
    history: &PlatformHistory,
    seen: &PlatformObservations,
    lost: &mut Vec<String>,
) {
    let subscriptions: Vec<i64> = seen.subscriptions.iter().map(|listed| listed.id.0).collect();
    let expected: Vec<i64> = upgrade.rows("subscriptions").iter().filter_map(|row| number(row, "id")).collect();
    assert_eq!(subscriptions, expected);
    let outage = |of: &SubscriptionOutage| {
        json!({"id": of.id.0, "subscription": of.subscription.0, "company": of.company.0, "target": of.target.raw(),
               "after": of.after.millis(), "before": of.before.millis(), "on_again": of.on_again_at.map(Timestamp::millis)})
    };
    let outages: Vec<Value> = seen.outages.iter().rev().map(outage).collect();
    compare(&json!(upgrade.rows("outages")), &json!(outages), "outages", lost);
    assert!(!outages.is_empty());
    let trips = history.outage_page(TripQuery::default(), PageSpec::newest(200)).await.expect("a page");
    assert_eq!(trips.items.len(), outages.len());
    let heard = upgrade.rows("turns").iter().filter_map(|row| number(row, "done")).max();
    assert_eq!(seen.heard_at.map(Timestamp::millis), heard);
    for row in upgrade.rows("turns") {
        let place = history.poll_position(text(row, "what")).await.expect("a place");
        let expected: Option<Vec<(String, String)>> =
            row["place"].as_str().and_then(|of| serde_json::from_str(of).ok());
        assert_eq!(place, expected, "{row}");
    }
    let of_subscriptions = |row: &&Value| text(row, "what").starts_with("subscriptions:");
    let periods = upgrade.rows("watches").iter().filter(of_subscriptions);
    let periods: BTreeSet<(i64, i64)> =
        periods.filter_map(|row| number(row, "since").zip(number(row, "until"))).collect();
    let gaps: Vec<(i64, i64)> = periods.iter().zip(periods.iter().skip(1)).map(|(a, b)| (a.1, b.0)).collect();
    let found: Vec<(i64, i64)> = seen.gaps.iter().map(|(from, to)| (from.millis(), to.millis())).collect();
    assert_eq!(found, gaps);
    assert!(gaps.len() >= 2, "{gaps:?}");
}

/// Events, calls and received deliveries of a history.
async fn logs_are_kept(upgrade: &Upgrade, history: &PlatformHistory, now: Timestamp, lost: &mut Vec<String>) {
    let events = history.event_page(EventQuery::default(), PageSpec::newest(200)).await.expect("events").items;
    let event = |row: &EventRow| json!({"id": row.id.0, "company": row.company_id.0, "type": row.kind.raw(), "created": row.created_utc.millis()});
    let found: Vec<Value> = events.iter().rev().map(event).collect();
    let expected = columns(upgrade.rows("events"), &["id", "company", "type", "created"]);
    compare(&expected, &json!(found), "events", lost);
    for row in upgrade.rows("events") {
        let id = EventId(number(row, "id").expect("a number"));
        let envelope = history.event(id).await.expect("it reads").expect("an event").envelope;
        assert_eq!(envelope.n_bytes, text(row, "envelope").len() as u64);
    }
    let (calls, _) = history.request_page(RequestQuery::default(), PageSpec::newest(1_000), now).await.expect("calls");
    let call = |row: &RequestRow| json!({"id": row.id, "at": row.utc.millis(), "route": row.route.raw(), "status": row.status, "elapsed_ms": row.elapsed_ms});
    let found: Vec<Value> = calls.items.iter().rev().filter(|row| row.status.is_some()).map(call).collect();
    let answered = upgrade.rows("calls").iter().filter(|row| number(row, "status").is_some());
    let answered: Vec<Value> = answered.cloned().collect();
    compare(&columns(&answered, &["id", "at", "route", "status", "elapsed_ms"]), &json!(found), "calls", lost);
    let receipts = history.receipt_page(AttemptQuery::default(), PageSpec::newest(200)).await.expect("receipts");
    let receipt = |row: &AttemptRow| {
        json!({"id": row.id.0, "at": row.started_utc.millis(), "event": row.event_id.map(|id| id.0), "answered": row.status_code,
               "verdict": row.error.as_ref().map_or("genuine", |error| error.raw())})
    };
    let found: Vec<Value> = receipts.items.iter().rev().map(receipt).collect();
    let expected = columns(upgrade.rows("receipts"), &["id", "at", "event", "answered", "verdict"]);
    assert!(found.len() >= 3);
    compare(&expected, &json!(found), "receipts", lost);
}

#[tokio::test]
async fn a_history_of_an_earlier_version_keeps_every_row_and_every_hour() {
    let upgrade = Upgrade::unpack();
    let history = PlatformHistory::open(&upgrade.path("partner.db")).expect("it opens");
    let now = Timestamp::from_millis(upgrade.answers["at"].as_i64().expect("a time") * 1_000);
    let seen = history.observations(now).await.expect("what was seen");
    let mut lost = Vec::new();
    windows_are_kept(&upgrade, &seen, now, &mut lost);
    observations_are_kept(&upgrade, &history, &seen, &mut lost).await;
    logs_are_kept(&upgrade, &history, now, &mut lost).await;
    assert!(lost.is_empty(), "{} differences:\n{}", lost.len(), lost.join("\n"));

    let desk = PlatformHistory::open(&upgrade.path("desk.db")).expect("it opens");
    let alerts = desk.alerts().await.expect("alerts");
    let found: BTreeSet<(String, String, i64)> =
        alerts.iter().map(|alert| (alert.name.raw().to_owned(), alert.reason.clone(), alert.since.millis())).collect();
    let alert = |row: &Value| (text(row, "name"), text(row, "why"), number(row, "since").expect("a time"));
    let expected: BTreeSet<(String, String, i64)> = upgrade.rows("desk alerts").iter().map(alert).collect();
    assert_eq!(found, expected);
    assert!(!expected.is_empty());
}

#[test]
fn a_console_shows_the_notes_marks_and_filters_of_an_earlier_version() {
    let upgrade = Upgrade::unpack();
    let serving = upgrade.serve();
    let mut shimmed = Command::new("true");
    upgrade.shim.under(&mut shimmed);
    let mut variables: Vec<(String, PathBuf)> = shimmed
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_string_lossy().into_owned(), PathBuf::from(value?))))
        .collect();
    for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "share"), ("XDG_STATE_HOME", "state")] {
        variables.push((name.to_owned(), upgrade.path(folder)));
    }
    variables.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), PathBuf::from("unix:path=/nonexistent")));
    let token = upgrade.path("data/operator.token");
    let mut add = Command::new(env!("CARGO_BIN_EXE_crow"));
    add.args(["profile", "add", "desk", "--url", &serving.address, "--keep", "file", "--token-file"]).arg(token);
    add.envs(variables.iter().map(|(name, value)| (name, value)));
    done(&mut add);
    let state = upgrade.path("state/crow");
    std::fs::create_dir_all(&state).expect("made");
    for end in ["db", "json"] {
        std::fs::copy(upgrade.path(&format!("desk.{end}")), state.join(format!("profile desk.{end}"))).expect("copied");
    }
    let left: Value = serde_json::from_slice(&std::fs::read(upgrade.path("desk.json")).expect("a file")).expect("JSON");
    for kind in ["notes", "marks", "bundle"] {
        assert!(!left[kind].as_array().expect("a list").is_empty(), "{kind}: {left}");
    }

    let borrowed: Vec<(&str, &Path)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_path())).collect();
    let program = env!("CARGO_BIN_EXE_crow");
    let mut console = Terminal::run_with(140, 40, program, &["console", "--profile", "desk"], &borrowed);
    console.shows("LIVE");
    console.press("3");
    console.shows("note of the version before");
    console.press("5");
    console.shows("type:client.created");
    console.press("q");
    assert_eq!(console.ended(), 0);
    let file = std::fs::read(state.join("profile desk.json")).expect("a file");
    let now: Value = serde_json::from_slice(&file).expect("JSON");
    for kind in ["version", "notes", "marks", "bundle", "panes", "runs"] {
        assert_eq!(now[kind], left[kind], "{kind}");
    }
    serving.stop();
}
