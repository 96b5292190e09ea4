//! The secret gate over everything that is handed on: a credential in every part of a ticket, a notice, a document and a copy, made by what makes
//! them in the product and read back by a reader of its own.

use crate::support::credentials::{Credential, Dice, ENCODINGS, Encoding, credentials, innocent};
use crate::support::decoding::Traces;
use crate::support::worlds::{Pen, at};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crow::api::briefing::BRIEFING;
use crow::api::bundle::PlatformCheck;
use crow::api::configuration::CONFIGURATION;
use crow::api::document::{One, inert, outbound};
use crow::api::log::LogPage;
use crow::api::notice::{NOTICE, Notice, PagerEvent, Turn};
use crow::api::overview::Overview;
use crow::api::review::AUDIT;
use crow::client::outward::CREDENTIAL;
use crow::domain::address;
use crow::domain::ids::{AttemptId, EventId, KeyId, SubscriptionId, TripId};
use crow::domain::outbound::{Redactions, SecretGate};
use crow::domain::window::Bucket;
use crow::escalation::bundle::{Bundle, Error, bundle};
use crow::escalation::ticket::Bodies;
use crow::escalation::{briefing, review};
use crow::monitor::link::Link;
use crow::monitor::logs::{Ask, Came};
use crow::monitor::notices::{Notices, Seen};
use crow::monitor::snapshot::Snapshot;
use crow::tui::app::{App, Msg, Setting};
use crow::tui::console::{Access, Identity, Mode, Stakes};
use crow::tui::copy::Form;
use crow::tui::effect::{Effect, Finished, Job};
use crow::tui::keymap::Keymap;
use crow::tui::places::Item;
use crow::tui::theme::Look;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const OVERVIEW: &str = include_str!("../data/overview.json");

/// What is handed on, with its name.
type Made = Vec<(String, String)>;

fn files(made: &Bundle) -> Made {
    let files = made.files().iter().map(|file| (file.name.to_owned(), file.text.as_str().to_owned()));
    files.chain([("folder".to_owned(), made.folder().to_owned())]).collect()
}

/// Every document that a command writes.
fn documents(pen: &mut Pen<'_>, gate: &SecretGate) -> Made {
    fn json<T: Serialize>(schema: &'static str, item: &T) -> String {
        inert::pretty(&One { schema, item }).expect("JSON")
    }
    let (reviewed, brief, configuration) = (pen.review(), pen.brief(), pen.configuration());
    let texts = [
        ("review.md", review::markdown::write(&reviewed)),
        ("review.html", review::html::write(&reviewed)),
        ("review.json", json(AUDIT, &reviewed)),
        ("briefing.md", briefing::markdown(&brief)),
        ("briefing.html", briefing::html(&brief)),
        ("briefing.json", json(BRIEFING, &brief)),
        ("configuration.json", json(CONFIGURATION, &configuration)),
        ("report.json", serde_json::to_string_pretty(&pen.report()).expect("JSON")),
    ];
    let passed = texts.into_iter().map(|(name, text)| {
        let passed = outbound::document(&text, gate, &mut Redactions::default());
        (name.to_owned(), passed.unwrap_or_else(|held| panic!("{name}: {held}")).as_str().to_owned())
    });
    passed.collect()
}

/// Every form of the notices of an alert that is raised and acknowledged.
fn notices(pen: &mut Pen<'_>, gate: &SecretGate) -> Made {
    let mut alert = pen.alert();
    let acknowledged = alert.acknowledged.take();
    let mut told = Notices::default();
    let mut notices: Vec<Notice> = Vec::new();
    for acknowledged in [None, acknowledged] {
        alert.acknowledged = acknowledged;
        let seen = Seen {
            platform: "http://127.0.0.1:7700",
            alerts: std::slice::from_ref(&alert),
            link: &Link::Live,
            now: at(20),
        };
        notices.extend(told.after(&seen, Duration::ZERO));
    }
    let turns: Vec<Turn> = notices.iter().map(|notice| notice.turn).collect();
    assert_eq!(turns, [Turn::Raised, Turn::Acknowledged]);
    let mut made = Vec::new();
    for notice in &notices {
        let name = |way: &str| format!("{way} of a notice that is {}", notice.turn.name());
        let line = outbound::line(&One { schema: NOTICE, item: notice }, gate).expect("no secret is left");
        made.push((name("webhook and command"), line.as_str().to_owned()));
        let event = outbound::line(&PagerEvent::new(CREDENTIAL, notice), gate).expect("no secret is left");
        made.push((name("PagerDuty's event"), event.as_str().to_owned()));
        let line = gate.pass(&notice.line(), &mut Redactions::default()).expect("no secret is left");
        made.push((name("line"), line.as_str().to_owned()));
    }
    made
}

fn page<T>(items: Vec<T>) -> LogPage<T>
where
    LogPage<T>: serde::de::DeserializeOwned,
{
    let empty = json!({"items": [], "nextCursor": null, "previousCursor": null, "hasMore": false});
    let mut page: LogPage<T> = serde_json::from_value(empty).expect("a page");
    page.items = items;
    page
}

/// Every form of a copy of every kind of row.
fn copies(pen: &mut Pen<'_>, gate: &SecretGate) -> Made {
    let mut overview: Overview = serde_json::from_str(OVERVIEW).expect("an overview");
    overview.keys.items = vec![pen.key()];
    overview.subscriptions.items = vec![pen.subscription()];
    overview.attempts.items = vec![pen.attempt_row()];
    overview.limits.items = vec![pen.window()];
    overview.trips.items = vec![pen.trip()];
    let (event, request, attempt) = (pen.event(), pen.request(), overview.attempts.items[0].clone());
    let trip = overview.trips.items[0].clone();
    let identity = Identity {
        mode: Mode::Remote,
        profile: "test".to_owned(),
        address: "http://127.0.0.1:1".to_owned(),
        stakes: Stakes::Ordinary,
        colour: None,
    };
    let setting = Setting { identity, access: Access::ReadOnly, look: Look::default(), keymap: Keymap::default() };
    let now = overview.server_utc;
    let mut app = App::new(setting, now);
    app.update(Msg::Resized(200, 60), now);
    app.update(Msg::Picture(Arc::new(Snapshot::default().after_overview(overview, now))), now);
    for key in ['4', '5', '7', '8'] {
        let effects = app.update(Msg::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)), now);
        for effect in effects {
            let Effect::Perform(Job::Page(ask)) = effect else { continue };
            let came = match &ask {
                Ask::Attempts(..) => Came::Attempts(page(vec![attempt.clone()])),
                Ask::Events(..) => Came::Events(page(vec![event.clone()])),
                Ask::Requests(..) => Came::Requests(page(vec![request.clone()]), Vec::new()),
                Ask::Trips(..) => Came::Trips(page(vec![trip.clone()])),
            };
            app.update(Msg::Finished(Finished::Page(Box::new(ask), Ok(Box::new(came)))), now);
        }
    }
    let items = [
        Item::Key(KeyId(4)),
        Item::Subscription(SubscriptionId(7)),
        Item::Attempt(AttemptId(678)),
        Item::Event(EventId(45_001)),
        Item::Window(KeyId(4), Bucket::Read),
        Item::Trip(TripId(1)),
        Item::Request(5),
    ];
    let mut made = Vec::new();
    for (item, form) in items.iter().flat_map(|item| Form::ALL.map(|form| (*item, form))) {
        let text = app.copied(&[item], form);
        assert!(!text.is_empty(), "{item} {form:?}");
        let passed = gate.pass(&text, &mut Redactions::default());
        let passed = passed.unwrap_or_else(|held| panic!("a copy of {item} as {form:?}: {held}"));
        made.push((format!("a copy of {item} as {form:?}"), passed.as_str().to_owned()));
    }
    made
}

/// All that one pen fills: what is handed on, the redactions of the tickets, and what is held back.
fn handed_on(pen: &mut Pen<'_>, gate: &SecretGate) -> (Made, Vec<Error>) {
    let mut made = [documents(pen, gate), notices(pen, gate), copies(pen, gate)].concat();
    let mut held = Vec::new();
    for case in [pen.case(), pen.refused()] {
        match bundle(&case, Bodies::Included, gate) {
            Ok(bundle) => made.extend(files(&bundle)),
            Err(error) => held.push(error),
        }
    }
    (made, held)
}

/// Kinds and encodings that are put into each part: one of each round.
fn rounds() -> (Vec<Credential>, [Encoding; ENCODINGS.len()]) {
    (credentials(&mut Dice(11)), ENCODINGS)
}

/// What leaked in the rounds of one share, and how many parts were tried.
fn leaks(share: usize, n_shares: usize) -> (Vec<String>, BTreeSet<&'static str>, usize) {
    let (kinds, encodings) = rounds();
    let gate = SecretGate::default();
    let (mut leaked, mut parts, mut n) = (Vec::new(), BTreeSet::new(), 0);
    for round in (share..kinds.len() * encodings.len()).step_by(n_shares) {
        let mut traces = Traces::default();
        let mut next = round;
        let mut write = |part: &'static str| {
            // Every part has every kind in every encoding once in all rounds.
            next += 1;
            let (kind, encoding) = (next % kinds.len(), next / kinds.len() % encodings.len());
            let credential = &credentials(&mut Dice(next as u64))[kind];
            traces.add(&credential.secret, &format!("{} in {}, in {part}", credential.name, encodings[encoding].name));
            parts.insert(part);
            n += 1;
            format!("upstream said {} at the end", (encodings[encoding].encode)(&credential.text))
        };
        let (made, held) = handed_on(&mut Pen(&mut write), &gate);
        for error in held {
            let said = error.to_string();
            assert!(said.contains(" line ") && said.contains("fingerprint"), "{said}");
        }
        for (name, text) in made {
            if let Some(whose) = traces.read(&text) {
                leaked.push(format!("{name} has {whose}"));
            }
        }
    }
    (leaked, parts, n)
}

/// Runs the same on every core.
fn shared<T: Send>(work: impl Fn(usize, usize) -> T + Sync) -> Vec<T> {
    let n = std::thread::available_parallelism().map_or(2, usize::from);
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..n).map(|share| scope.spawn(move || work(share, n))).collect();
        running.into_iter().map(|one| one.join().expect("no panic")).collect()
    })
}

#[test]
fn x1_no_credential_leaves_in_any_part_of_a_ticket_a_document_a_notice_or_a_copy() {
    let came = shared(leaks);
    let leaked: Vec<&String> = came.iter().flat_map(|(leaked, ..)| leaked).collect();
    let parts: BTreeSet<&str> = came.iter().flat_map(|(_, parts, _)| parts).copied().collect();
    let n: usize = came.iter().map(|(.., n)| n).sum();
    assert!(parts.len() >= 70 && n >= parts.len() * 15 * 12, "{} parts, {n} credentials", parts.len());
    assert!(leaked.is_empty(), "{} of {n}:\n{leaked:#?}", leaked.len());
}

#[test]
fn the_reader_reads_every_credential_in_every_encoding_that_did_not_go_through_the_gate() {
    for credential in credentials(&mut Dice(3)) {
        let mut traces = Traces::default();
        traces.add(&credential.secret, credential.name);
        for encoding in ENCODINGS {
            let text = format!("upstream said {} at the end", (encoding.encode)(&credential.text));
            let json = serde_json::to_string(&text).expect("JSON");
            for text in [&text, &json] {
                assert!(traces.read(text).is_some(), "{} / {}: {text}", credential.name, encoding.name);
            }
        }
    }
}

/// Tickets of one share that were held back or that had anything masked but parts of URLs, and how many there were.
fn wronged(share: usize, n_shares: usize) -> (Vec<String>, usize) {
    let gate = SecretGate::default();
    let (mut wronged, mut n) = (Vec::new(), 0);
    for seed in (share..1_000).step_by(n_shares) {
        let mut dice = Dice(seed as u64);
        let mut write = |_: &'static str| innocent(&mut dice);
        n += 1;
        match bundle(&Pen(&mut write).case(), Bodies::Included, &gate) {
            Err(error) => wronged.push(format!("{seed}: {error}")),
            Ok(made) => {
                let masked = made.manifest().redactions.iter().filter(|of| of.what != address::PARTS);
                wronged.extend(masked.map(|of| format!("{seed}: {} {}", of.n, of.what)).next());
                assert_eq!(made.manifest().platform_check, PlatformCheck::NotAsked);
            }
        }
    }
    (wronged, n)
}

#[test]
fn of_a_thousand_innocent_tickets_one_in_a_hundred_at_most_is_held_back_or_masked() {
    let came = shared(wronged);
    let n: usize = came.iter().map(|(_, n)| n).sum();
    let wronged: Vec<&String> = came.iter().flat_map(|(wronged, _)| wronged).collect();
    assert_eq!(n, 1_000);
    assert!(wronged.len() <= n / 100, "{}:\n{wronged:#?}", wronged.len());
}

#[test]
fn what_is_masked_is_named_with_its_place_and_leaves_once_its_fingerprint_is_released() {
    let token = credentials(&mut Dice(4)).swap_remove(1).text;
    let mut dice = Dice(5);
    let mut write = |part: &'static str| match part {
        "note" => format!("the build's id is {token}"),
        "version of the platform" => "0.1.0".to_owned(),
        _ => format!("words {}", dice.below(100)),
    };
    let case = Pen(&mut write).case();
    let made = bundle(&case, Bodies::Included, &SecretGate::default()).expect("it is masked");
    let masked: Vec<_> = made.manifest().redactions.iter().filter(|of| of.what != address::PARTS).collect();
    let [masked] = masked.as_slice() else { panic!("{masked:?}") };
    assert_eq!((masked.n, masked.places.as_slice()), (1, ["/notes/0/text".to_owned()].as_slice()));
    let said = masked.to_string();
    assert!(said.contains("at /notes/0/text; ") && said.contains("--allow ") && !said.contains(&token[8..]), "{said}");
    let gate = SecretGate::default().releasing(masked.fingerprints.clone());
    let made = bundle(&case, Bodies::Included, &gate).expect("it was released");
    assert!(made.ticket().notes[0].text.contains(&token));
    assert_eq!(made.manifest().released, masked.fingerprints);
}
