//! The secret gate over everything that is handed on: a credential in every part of a ticket, a notice, a document, a line and a copy, made by
//! what makes them in the product and read back by a reader of its own.

use crate::support::credentials::{Dice, ENCODINGS, credentials, innocent};
use crate::support::decoding::Traces;
use crate::support::platform::until;
use crate::support::serving::Serving;
use crate::support::worlds::{Pen, at};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crow::cli::document::configuration::CONFIGURATION_DOCUMENT;
use crow::cli::document::{ObjectDocument, outbound, terminal_safe};
use crow::client::connection::ClientCredential;
use crow::client::notifications::CREDENTIAL_PLACEHOLDER;
use crow::diagnose::checkup::CHECK_DOCUMENT;
use crow::diagnose::incident::IncidentEvidence;
use crow::diagnose::reporter::TicketReader;
use crow::diagnose::review::REVIEW_DOCUMENT;
use crow::domain::ids::{AttemptId, EventId, KeyId, SubscriptionId, TripId};
use crow::domain::outbound::{RedactionCounts, SecretGate};
use crow::domain::scope::KeyScope;
use crow::domain::text::Untrusted;
use crow::domain::url_redaction;
use crow::domain::window::RateBucket;
use crow::export::briefing_document::BRIEFING_DOCUMENT;
use crow::export::bundle::{BundleError, TicketBundle, build_bundle};
use crow::export::bundle_documents::PlatformCheck;
use crow::export::ticket::ResponseBodies;
use crow::export::{briefing, review, run_text};
use crow::sync::alert_notifier::{AlertNotifier, NotifierInputs};
use crow::sync::alerts::ActiveAlerts;
use crow::sync::link::LinkState;
use crow::sync::logs::{LogPageRequest, LogPageResult};
use crow::sync::notice::{AlertNotification, AlertTransition, NOTIFICATION_DOCUMENT};
use crow::sync::snapshot::Snapshot;
use crow::tui::effect::Msg;
use crow::tui::effect::{BackgroundJob, Effect, JobResult};
use crow::tui::ids::RowId;
use crow::tui::keys::keymap::Keymap;
use crow::tui::runtime::line_mode::LineConsole;
use crow::tui::state::app::App;
use crow::tui::state::config::AppConfig;
use crow::tui::state::config::{ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use crow::tui::state::overlays::choice::CopyFormat;
use crow::tui::update;
use crow::tui::update::copy;
use crow::tui::widgets::theme::ConsoleAppearance;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};
use crow::wire::log::{LogPage, RequestQuery};
use crow::wire::overview::PlatformOverview;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const OVERVIEW: &str = include_str!("../data/overview.json");

/// Names and contents of the parts that are handed on.
type Made = Vec<(String, String)>;

fn files(made: &TicketBundle) -> Made {
    let files = made.files().iter().map(|file| (file.name.to_owned(), file.text.as_str().to_owned()));
    files.chain([("folder".to_owned(), made.folder().to_owned())]).collect()
}

/// Every document that a command writes.
fn documents(pen: &mut Pen<'_>, gate: &SecretGate) -> Made {
    fn json<T: Serialize>(schema: &'static str, item: &T) -> String {
        terminal_safe::to_safe_pretty(&ObjectDocument { schema, item }).expect("JSON")
    }
    let (reviewed, brief, configuration) = (pen.review(), pen.brief(), pen.configuration());
    let (report, progress, checkup) = (pen.report(), pen.progress(), pen.checkup());
    let texts = [
        ("review.md", review::markdown::write_markdown(&reviewed)),
        ("review.html", review::html::write_html(&reviewed)),
        ("review.json", json(REVIEW_DOCUMENT, &reviewed)),
        ("briefing.md", briefing::markdown(&brief)),
        ("briefing.html", briefing::html(&brief)),
        ("briefing.json", json(BRIEFING_DOCUMENT, &brief)),
        ("configuration.json", json(CONFIGURATION_DOCUMENT, &configuration)),
        ("report.json", serde_json::to_string_pretty(&report).expect("JSON")),
        ("report.txt", run_text::report(&report)),
        ("runbook.json", serde_json::to_string_pretty(&progress).expect("JSON")),
        ("runbook.txt", run_text::runbook(&progress)),
        ("check.json", json(CHECK_DOCUMENT, &checkup)),
        ("check.txt", checkup.plugin_text()),
    ];
    let passed = texts.into_iter().map(|(name, text)| {
        let passed = outbound::document(&text, gate, &mut RedactionCounts::default());
        (name.to_owned(), passed.unwrap_or_else(|held| panic!("{name}: {held}")).as_str().to_owned())
    });
    passed.collect()
}

/// Every form of the notices of an alert that is raised and acknowledged.
fn notices(pen: &mut Pen<'_>, gate: &SecretGate) -> Made {
    let mut alert = pen.alert();
    let acknowledged = alert.acknowledged.take();
    let mut told = AlertNotifier::default();
    let mut notices: Vec<AlertNotification> = Vec::new();
    for acknowledged in [None, acknowledged] {
        alert.acknowledged = acknowledged;
        let seen = NotifierInputs {
            platform: "http://127.0.0.1:7700",
            alerts: std::slice::from_ref(&alert),
            link: &LinkState::Live,
            now: at(20),
        };
        notices.extend(told.step(&seen, Duration::ZERO));
    }
    let turns: Vec<AlertTransition> = notices.iter().map(|notice| notice.turn).collect();
    assert_eq!(turns, [AlertTransition::Raised, AlertTransition::Acknowledged]);
    let mut made = Vec::new();
    for notice in &notices {
        let name = |way: &str| format!("{way} of a notice that is {}", notice.turn.name());
        let line = outbound::line(&ObjectDocument { schema: NOTIFICATION_DOCUMENT, item: notice }, gate)
            .expect("no secret is left");
        made.push((name("webhook and command"), line.as_str().to_owned()));
        let event = outbound::pager_event(CREDENTIAL_PLACEHOLDER, notice, gate).expect("no secret is left");
        made.push((name("PagerDuty's event"), event.as_str().to_owned()));
        let line = gate
            .redact_and_release(&notice.summary_line(), &mut RedactionCounts::default())
            .expect("no secret is left");
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

/// A console that may only look.
fn setting() -> AppConfig {
    let identity = ConsoleIdentity {
        mode: ConsoleMode::Remote,
        profile: "test".to_owned(),
        address: "http://127.0.0.1:1".to_owned(),
        environment: TargetEnvironment::Ordinary,
        colour: None,
    };
    AppConfig {
        identity,
        access: ConsoleAccess::ReadOnly,
        look: ConsoleAppearance::default(),
        keymap: Keymap::default(),
    }
}

/// Every form of a copy of every kind of row.
fn copies(pen: &mut Pen<'_>, gate: &SecretGate) -> Made {
    let mut overview: PlatformOverview = serde_json::from_str(OVERVIEW).expect("an overview");
    overview.keys.items = vec![pen.key()];
    overview.subscriptions.items = vec![pen.subscription()];
    overview.attempts.items = vec![pen.attempt_row()];
    overview.limits.items = vec![pen.window()];
    overview.trips.items = vec![pen.trip()];
    let (event, request, attempt) = (pen.event(), pen.request(), overview.attempts.items[0].clone());
    let trip = overview.trips.items[0].clone();
    let now = overview.server_utc;
    let mut app = App::new(setting(), now);
    update::update(&mut app, Msg::Resized(200, 60), now);
    update::update(&mut app, Msg::Snapshot(Arc::new(Snapshot::default().after_overview(overview, now))), now);
    for key in ['4', '5', '7', '8'] {
        let effects = update::update(&mut app, Msg::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)), now);
        for effect in effects {
            let Effect::StartJob(BackgroundJob::FetchLogPage(ask)) = effect else { continue };
            let came = match &ask {
                LogPageRequest::Attempts(..) => LogPageResult::Attempts(page(vec![attempt.clone()])),
                LogPageRequest::Events(..) => LogPageResult::Events(page(vec![event.clone()])),
                LogPageRequest::Requests(..) => LogPageResult::Requests(page(vec![request.clone()]), Vec::new()),
                LogPageRequest::Trips(..) => LogPageResult::Trips(page(vec![trip.clone()])),
            };
            update::update(&mut app, Msg::JobFinished(JobResult::LogPage(Box::new(ask), Ok(Box::new(came)))), now);
        }
    }
    let items = [
        RowId::Key(KeyId(4)),
        RowId::Subscription(SubscriptionId(7)),
        RowId::Attempt(AttemptId(678)),
        RowId::Event(EventId(45_001)),
        RowId::Window(KeyId(4), RateBucket::Read),
        RowId::Trip(TripId(1)),
        RowId::Request(5),
    ];
    let mut made = Vec::new();
    for (item, form) in items.iter().flat_map(|item| CopyFormat::ALL.map(|form| (*item, form))) {
        let text = copy::copy_text(&app, &[item], form);
        assert!(!text.is_empty(), "{item} {form:?}");
        let passed = gate.redact_and_release(&text, &mut RedactionCounts::default());
        let passed = passed.unwrap_or_else(|held| panic!("a copy of {item} as {form:?}: {held}"));
        made.push((format!("a copy of {item} as {form:?}"), passed.as_str().to_owned()));
    }
    made
}

/// Every line of plain mode: what it begins with, an alert, and why the link broke.
fn lines(pen: &mut Pen<'_>, gate: SecretGate) -> Made {
    let mut overview: PlatformOverview = serde_json::from_str(OVERVIEW).expect("an overview");
    overview.keys.items = vec![pen.key()];
    overview.subscriptions.items = vec![pen.subscription()];
    overview.limits.items = vec![pen.window()];
    overview.trips.items = vec![pen.trip()];
    let now = overview.server_utc;
    let mut plain = LineConsole::new(App::new(setting(), now), gate);
    let known = Snapshot::default().after_overview(overview, now);
    let alerted = Snapshot { alerts: ActiveAlerts::restore(vec![pen.alert()]), ..known.clone() };
    let broken = known.after_failure((pen.0)("why the link broke"), now);
    let said = [known, alerted, broken].map(|picture| plain.lines(&Arc::new(picture), now)).concat();
    assert!(said.len() > 4, "{said:?}");
    said.iter().map(|line| ("a line of plain mode".to_owned(), line.as_str().to_owned())).collect()
}

/// Builds every part with the text of one pen: the parts that are handed on, and the errors of those held back.
fn handed_on(pen: &mut Pen<'_>, gate: &SecretGate) -> (Made, Vec<BundleError>) {
    let mut made =
        [documents(pen, gate), notices(pen, gate), copies(pen, gate), lines(pen, SecretGate::default())].concat();
    let mut held = Vec::new();
    let for_partner = IncidentEvidence { reader: TicketReader::Partner, ..pen.case() };
    for case in [pen.case(), pen.refused(), for_partner, pen.stated(TicketReader::Support)] {
        match build_bundle(&case, ResponseBodies::Included, gate) {
            Ok(bundle) => made.extend(files(&bundle)),
            Err(error) => held.push(error),
        }
    }
    (made, held)
}

/// Whether every part gets every kind of credential in every encoding (`CROW_LEAKS=all`), instead of every kind once
/// and every encoding once.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is told by the environment")]
fn is_long() -> bool {
    std::env::var_os("CROW_LEAKS").is_some_and(|form| form == "all")
}

/// Credentials that one share put into the parts, and those that leaked.
#[derive(Default)]
struct Tried {
    leaked: Vec<String>,
    /// Parts, each with the kind and the encoding of its credential.
    given: BTreeSet<(&'static str, usize, usize)>,
}

/// Runs the rounds of one share. In each round a part gets the next kind and the next encoding, so that after as many
/// rounds as there are kinds it has had every kind and, as there are fewer, every encoding. Parts start at different
/// ones.
fn leaks(share: usize, n_shares: usize) -> Tried {
    const BETWEEN_PARTS: usize = 37;
    const BETWEEN_TIMES: usize = 29;
    let n_kinds = credentials(&mut Dice(0)).len();
    let n_rounds = if is_long() { n_kinds * ENCODINGS.len() } else { n_kinds };
    let gate = SecretGate::default();
    let mut tried = Tried::default();
    for round in (share..n_rounds).step_by(n_shares) {
        let mut traces = Traces::default();
        let mut written: Vec<(&'static str, usize)> = Vec::new();
        let mut write = |part: &'static str| {
            let place = written.iter().position(|(of, _)| *of == part).unwrap_or(written.len());
            if place == written.len() {
                written.push((part, 0));
            }
            let at = round + place * BETWEEN_PARTS + written[place].1 * BETWEEN_TIMES;
            written[place].1 += 1;
            let seed = (place * 100_000 + written[place].1 * 1_000 + round) as u64;
            let (kind, encoding) = (at % n_kinds, at % ENCODINGS.len());
            let credential = &credentials(&mut Dice(seed))[kind];
            traces.add(&credential.secret, &format!("{} in {}, in {part}", credential.name, ENCODINGS[encoding].name));
            tried.given.insert((part, kind, encoding));
            format!("upstream said {} at the end", (ENCODINGS[encoding].encode)(&credential.text))
        };
        let (made, held) = handed_on(&mut Pen(&mut write), &gate);
        for error in held {
            let said = error.to_string();
            assert!(said.contains(" line ") && said.contains("fingerprint"), "{said}");
        }
        for (name, text) in made {
            if let Some(whose) = traces.read(&text) {
                tried.leaked.push(format!("{name} has {whose}"));
            }
        }
    }
    tried
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
    let leaked: Vec<&String> = came.iter().flat_map(|of| &of.leaked).collect();
    let given: BTreeSet<_> = came.iter().flat_map(|of| of.given.iter().copied()).collect();
    let n_parts = given.iter().map(|(part, ..)| part).collect::<BTreeSet<_>>().len();
    let n_with_kinds = given.iter().map(|(part, kind, _)| (part, kind)).collect::<BTreeSet<_>>().len();
    let n_with_encodings = given.iter().map(|(part, _, encoding)| (part, encoding)).collect::<BTreeSet<_>>().len();
    let n_pairs = given.iter().map(|(_, kind, encoding)| (kind, encoding)).collect::<BTreeSet<_>>().len();
    assert!(n_parts >= 70, "{n_parts} parts");
    assert_eq!(
        (n_with_kinds, n_with_encodings),
        (n_parts * 25, n_parts * 24),
        "every kind and every encoding in each part"
    );
    assert_eq!(n_pairs, 25 * 24, "every kind in every encoding");
    assert!(!is_long() || given.len() == n_parts * 25 * 24, "{} of {n_parts} parts", given.len());
    assert!(leaked.is_empty(), "{} of {}:\n{leaked:#?}", leaked.len(), given.len());
}

/// Characters that hide or control, of every block that has some.
const HIDDEN: [char; 24] = [
    '\u{85}',
    '\u{9b}',
    '\u{ad}',
    '\u{34f}',
    '\u{600}',
    '\u{61c}',
    '\u{6dd}',
    '\u{70f}',
    '\u{8e2}',
    '\u{115f}',
    '\u{17b4}',
    '\u{180e}',
    '\u{200b}',
    '\u{202e}',
    '\u{2060}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fff9}',
    '\u{110bd}',
    '\u{13430}',
    '\u{1d173}',
    '\u{e0041}',
];

#[test]
fn x1_it_does_not_matter_whether_a_text_is_made_inert_before_the_gate_or_behind_it() {
    let gate = SecretGate::default();
    let redact = |text: &str| gate.redact(text, &mut RedactionCounts::default());
    let inert = |text: &str| Untrusted::new(text).sanitized();
    let mut leaked = Vec::new();
    for seed in 0..if is_long() { 20 } else { 2 } {
        for credential in credentials(&mut Dice(seed)) {
            let mut traces = Traces::default();
            traces.add(&credential.secret, credential.name);
            let encoded = ENCODINGS.map(|encoding| (encoding.name.to_owned(), (encoding.encode)(&credential.text)));
            let hidden = HIDDEN.map(|hidden| {
                let half = credential.text.len() / 2;
                let text = format!("{}{hidden}{}", &credential.text[..half], &credential.text[half..]);
                (format!("U+{:04X}", u32::from(hidden)), text)
            });
            for (name, text) in encoded.into_iter().chain(hidden) {
                let text = format!("upstream said {text} at the end");
                // What a reader sees of an inert text has marks in the place of hidden characters.
                let seen = |text: String| {
                    HIDDEN.iter().fold(text, |text, hidden| text.replace(&inert(&hidden.to_string()), ""))
                };
                for (order, told) in [
                    ("gate, inert", inert(&redact(&text))),
                    ("inert, gate", redact(&inert(&text))),
                    ("JSON, inert, gate", redact(&inert(&serde_json::to_string(&text).expect("JSON")))),
                ] {
                    if traces.read(&told).or_else(|| traces.read(&seen(told.clone()))).is_some() {
                        leaked.push(format!("{order}: {} / {name}: {told}", credential.name));
                    }
                }
            }
        }
    }
    assert!(leaked.is_empty(), "{}:\n{}", leaked.len(), leaked.join("\n"));
}

#[test]
fn the_leak_detector_finds_every_credential_in_every_encoding_without_the_gate() {
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

/// Innocent tickets that are made: a thousand in the long form.
fn n_innocent() -> usize {
    if is_long() { 1_000 } else { 200 }
}

/// Tickets of one share that were held back or that had anything masked but parts of URLs, and how many there were.
fn wronged(share: usize, n_shares: usize) -> (Vec<String>, usize) {
    let gate = SecretGate::default();
    let (mut wronged, mut n) = (Vec::new(), 0);
    for seed in (share..n_innocent()).step_by(n_shares) {
        let mut dice = Dice(seed as u64);
        let mut write = |_: &'static str| innocent(&mut dice);
        n += 1;
        match build_bundle(&Pen(&mut write).case(), ResponseBodies::Included, &gate) {
            Err(error) => wronged.push(format!("{seed}: {error}")),
            Ok(made) => {
                let masked = made.manifest().redactions.iter().filter(|of| of.what != url_redaction::URL_PARTS_LABEL);
                wronged.extend(masked.map(|of| format!("{seed}: {} {}", of.n, of.what)).next());
                assert_eq!(made.manifest().platform_check, PlatformCheck::NotAsked);
            }
        }
    }
    (wronged, n)
}

#[test]
fn at_most_one_in_a_hundred_tickets_without_secrets_is_held_back_or_masked() {
    let came = shared(wronged);
    let n: usize = came.iter().map(|(_, n)| n).sum();
    let wronged: Vec<&String> = came.iter().flat_map(|(wronged, _)| wronged).collect();
    assert_eq!(n, n_innocent());
    assert!(wronged.len() <= n / 100, "{}:\n{wronged:#?}", wronged.len());
}

#[test]
fn masked_values_are_listed_with_their_places_and_released_by_fingerprint() {
    let token = credentials(&mut Dice(4)).swap_remove(1).text;
    let mut dice = Dice(5);
    let mut write = |part: &'static str| match part {
        "note" => format!("the build's id is {token}"),
        "version of the platform" => "0.1.0".to_owned(),
        _ => format!("words {}", dice.below(100)),
    };
    let case = Pen(&mut write).case();
    let made = build_bundle(&case, ResponseBodies::Included, &SecretGate::default()).expect("it is masked");
    let masked: Vec<_> =
        made.manifest().redactions.iter().filter(|of| of.what != url_redaction::URL_PARTS_LABEL).collect();
    let [masked] = masked.as_slice() else { panic!("{masked:?}") };
    assert_eq!((masked.n, masked.places.as_slice()), (1, ["/notes/0/text".to_owned()].as_slice()));
    let said = masked.to_string();
    assert!(said.contains("at /notes/0/text; ") && said.contains("--allow ") && !said.contains(&token[8..]), "{said}");
    let gate = SecretGate::default().with_allowed(masked.fingerprints.clone());
    let made = build_bundle(&case, ResponseBodies::Included, &gate).expect("it was released");
    assert!(made.ticket().notes[0].text.contains(&token));
    assert_eq!(made.manifest().released, masked.fingerprints);
}

#[tokio::test]
async fn x1_what_diagnose_runbook_and_check_print_passes_the_gate() {
    let serving = Serving::start(&[]);
    let operator = serving.operator();
    let token = credentials(&mut Dice(6)).swap_remove(1).text;
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    let new = NewKey {
        company_id: company.id,
        name: format!("job {token}"),
        scopes: vec![KeyScope::EventsRead],
        limits: None,
    };
    let created = operator.change(&changes::CREATE_KEY, &new).await.expect("a key");
    // The four characters may begin with a hyphen.
    let (id, about) = (created.row.id.to_string(), format!("--key={}", created.row.last4.raw()));
    let key = serving.client(ClientCredential::Key(created.key.into_secret()));
    key.get_any::<Value>("/api/v1/webhooks/subscriptions", &[]).await.expect_err("the scope is missing");
    let of_key = RequestQuery { key: Some(created.row.id.0), ..RequestQuery::default() };
    let is_logged = async || !operator.log_page(&of_key, None, 1).await.expect("a page").page.items.is_empty();
    until("the call is logged", is_logged).await;
    // The successor is created after the run began, as the runbook asks, and found when the run goes on.
    let run = serving.folder().join("run.json").display().to_string();
    serving.ask(&["runbook", "key-rotation", &about, "--run", &run]);
    operator.change(&changes::CREATE_KEY, &new).await.expect("a key");
    let commands: [&[&str]; 6] = [
        &["diagnose", "permissions", &about],
        &["diagnose", "permissions", &about, "--json"],
        &["runbook", "key-rotation", &about, "--run", &run],
        &["runbook", "key-rotation", &about, "--run", &run, "--json"],
        &["check", "headroom"],
        &["check", "headroom", "--json"],
    ];
    for command in commands {
        let printed = serving.ask(command);
        let text = String::from_utf8(printed.stdout).expect("text");
        assert!(text.contains("job [redacted"), "{command:?} names key {id}: {text}");
        assert!(!text.contains(&token[8..20]), "{command:?}: {text}");
    }
}
