//! T1: text from outside, in every field that a platform sends, through the whole console into a terminal: nothing of it may do
//! anything, and what was hidden must be seen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crow::diagnose::diagnosis_subject::DiagnosisSubject;
use crow::diagnose::evidence_set::QueryRecord;
use crow::diagnose::incident::IncidentEvidence;
use crow::diagnose::incident_history::IncidentHistory;
use crow::diagnose::report::DiagnosisReport;
use crow::diagnose::reporter::{ReporterStatement, TicketReader};
use crow::domain::outbound::SecretGate;
use crow::domain::time::Timestamp;
use crow::export::bundle::build_bundle;
use crow::export::ticket::ResponseBodies;
use crow::sync::snapshot::Snapshot;
use crow::tui::effect::DiagnoseResult;
use crow::tui::effect::Msg;
use crow::tui::effect::{FetchedAttempt, FetchedDetail, JobResult};
use crow::tui::ids::RowId;
use crow::tui::keys::keymap::Keymap;
use crow::tui::runtime::synchronized_backend::SynchronizedBackend;
use crow::tui::state::app::App;
use crow::tui::state::config::AppConfig;
use crow::tui::state::config::{ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use crow::tui::state::escalate::BundleFailure;
use crow::tui::update;
use crow::tui::view::draw::draw;
use crow::tui::widgets::theme::ConsoleAppearance;
use crow::wire::attempts::AttemptDetail;
use crow::wire::overview::PlatformOverview;
use crow::wire::signature_check::SignatureCheck;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use serde_json::{Value, json};
use std::num::NonZeroU16;
use std::sync::Arc;

/// Overview of a company with every kind of fault.
const OVERVIEW: &str = include_str!("../data/overview.json");
/// The members that carry text from outside.
const FIELDS: [&str; 12] = [
    "name",
    "last4",
    "targetUrl",
    "description",
    "managedBy",
    "eventType",
    "cause",
    "error",
    "keyName",
    "enabledBy",
    "dispatchPaused",
    "eventTypes",
];

/// Texts that control a terminal, hide text or reorder it.
fn attacks() -> Vec<String> {
    let mut attacks: Vec<String> = [
        "\x1b]0;owned\x07",
        "\x1b]2;owned\x1b\\",
        "\x1b]52;c;b3duZWQ=\x07",
        "\x1b]52;c;?\x07",
        "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
        "\x1b]4;1;rgb:00/00/00\x07",
        "\x1b]10;#000000\x07",
        "\x1b]1337;File=inline=1:AAAA\x07",
        "\x1b]777;notify;a;b\x07",
        "\x1b[2J",
        "\x1b[H",
        "\x1b[99;99H",
        "\x1b[31m",
        "\x1b[8m",
        "\x1b[?1049l",
        "\x1b[?25h",
        "\x1b[?1000h",
        "\x1b[?1006h",
        "\x1b[?2004h",
        "\x1b[?2026h",
        "\x1b[6n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[21t",
        "\x1b[8;1;1t",
        "\x1b[5i",
        "\x1bc",
        "\x1b#8",
        "\x1b(0",
        "\x1b7\x1b8",
        "\x1bD\x1bM",
        "\x1bP$q\"p\x1b\\",
        "\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\",
        "\x1b_Gi=1;AAAA\x1b\\",
        "\x1b^pm\x1b\\",
        "\x1bX sos\x1b\\",
        "\x1b%G",
        "\x1b=\x1b>",
        "\u{9b}2J",
        "\u{9d}0;owned\u{9c}",
        "\u{90}q\u{9c}",
        "\u{85}\u{84}\u{8d}",
        "\r\n\n\x0b\x0c",
        "\x08\x08\x08\x08",
        "\x07\x07",
        "\x0e\x0f",
        "\x7f\x7f",
        "\0\x01\x02\x03\x04\x05\x06",
        "\x11\x13\x1a\x18",
    ]
    .map(str::to_owned)
    .to_vec();
    let hidden = [
        0x202e, 0x202d, 0x202a, 0x202b, 0x202c, 0x2066, 0x2067, 0x2068, 0x2069, 0x200e, 0x200f, 0x61c, 0x200b, 0x200c,
        0x200d, 0x2060, 0xfeff, 0xad, 0x34f, 0x115f, 0x3164, 0xffa0, 0x180e, 0x2028, 0x2029, 0xfe0f, 0xfff9, 0x1d173,
        0xe0041, 0xe0101, 0xe0001,
    ];
    attacks.extend(hidden.into_iter().filter_map(char::from_u32).map(|hidden| format!("{hidden}x{hidden}")));
    attacks.push(format!("z{}", "\u{301}".repeat(300)));
    attacks.push(format!("z{}", "\u{20dd}\u{489}".repeat(100)));
    attacks
}

/// 300 cases and more: every attack alone, between words, twice, and at the end of a long text.
fn corpus() -> Vec<(String, String)> {
    let frames = attacks().into_iter().flat_map(|attack| {
        [
            (attack.clone(), attack.clone()),
            (format!("a {attack} b"), attack.clone()),
            (format!("ab{attack}{attack}"), attack.clone()),
            (format!("{}{attack}", "long ".repeat(40)), attack),
        ]
    });
    frames.collect()
}

/// The picture with this text in every field.
fn picture(text: &str) -> PlatformOverview {
    fn fill(value: &mut Value, text: &str) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::Array(items) if name == "eventTypes" => *items = vec![json!(text)],
                        _ if name == "dispatchPaused" => *member = json!(text),
                        Value::String(_) if FIELDS.contains(&name.as_str()) => *member = json!(text),
                        _ => fill(member, text),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| fill(item, text)),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(OVERVIEW).expect("JSON");
    fill(&mut value, text);
    serde_json::from_value(value).expect("an overview")
}

/// An attempt in full with this text in its headers and bodies.
fn attempt(overview: &PlatformOverview, text: &str) -> AttemptDetail {
    let mut value = serde_json::to_value(&overview.attempts.items[0]).expect("JSON");
    let body = json!({"base64": "", "text": text, "nBytes": text.len(), "truncated": false});
    let headers = json!([{"name": text, "value": text}]);
    for (name, member) in [
        ("requestHeaders", headers.clone()),
        ("requestBody", body.clone()),
        ("responseHeaders", headers),
        ("responseBody", body),
        ("peer", json!(text)),
        ("redacted", json!(false)),
    ] {
        value[name] = member;
    }
    serde_json::from_value(value).expect("an attempt")
}

/// Effects on a terminal other than showing text.
#[derive(Default)]
struct Done(Vec<String>);

impl vt100::Callbacks for Done {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("bell".to_owned());
    }

    fn resize(&mut self, _: &mut vt100::Screen, _: (u16, u16)) {
        self.0.push("resize".to_owned());
    }

    fn set_window_icon_name(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("icon".to_owned());
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("title".to_owned());
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], _: &[u8]) {
        self.0.push("copy".to_owned());
    }

    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("paste".to_owned());
    }

    fn unhandled_control(&mut self, _: &mut vt100::Screen, byte: u8) {
        self.0.push(format!("control {byte:#x}"));
    }

    fn unhandled_escape(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, byte: u8) {
        self.0.push(format!("escape {byte:#x}"));
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, _: &[&[u8]]) {
        self.0.push("osc".to_owned());
    }
}

/// Removes the sequences that the console itself writes (moves, styles, the hidden cursor and frames) from its output.
fn without_own_sequences(output: &str) -> String {
    let mut rest = String::new();
    let mut pieces = output.split("\x1b[");
    rest.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit() && !";:?".contains(c)).unwrap_or(piece.len());
        let (parameters, after) = piece.split_at(end);
        let is_own = match after.chars().next() {
            Some('H' | 'm') => !parameters.contains('?'),
            Some('h' | 'l') => ["?2026", "?25"].contains(&parameters),
            _ => false,
        };
        rest.push_str(if is_own { &after[1..] } else { "\u{1b}" });
    }
    rest
}

fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xad | 0x34f | 0x61c | 0x115f | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0x3164
            | 0xfe0f | 0xfeff | 0xffa0 | 0xfff9..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

/// Returns the mark that must replace the first active character of an attack.
fn mark(attack: &str) -> Option<String> {
    let active = attack.chars().find(|character| is_active(*character));
    match active {
        None => attack.chars().nth(4).map(|_| "…".to_owned()),
        Some(control @ '\0'..='\x1f') => char::from_u32(0x2400 + u32::from(control)).map(String::from),
        Some('\x7f') => Some("\u{2421}".to_owned()),
        Some(hidden) => Some(format!("<U+{:04X}>", u32::from(hidden))),
    }
}

/// A report with this text wherever a platform's words may stand.
fn report(text: &str) -> DiagnosisReport {
    let evidence = json!([{"query": text, "value": text, "limit": text, "atUtc": "2026-11-24T00:00:00Z"}]);
    let cause = json!({"id": text, "title": text, "evidence": evidence, "resolution": text,
        "offers": [{"id": "test", "what": text, "command": text}]});
    let step = json!({"id": "a", "question": text, "verdict": "unknown", "why": text, "evidence": evidence});
    let report = json!({"topic": "key-not-working", "subject": "all", "atUtc": "2026-11-24T00:00:00Z",
        "causes": [cause], "steps": [step]});
    serde_json::from_value(report).expect("a report")
}

/// Returns a signature check that contains this text.
fn check(text: &str) -> SignatureCheck {
    let cause = json!({"id": text, "title": text, "difference": text, "resolution": text});
    let check =
        json!({"fit": "explained", "causes": [cause], "nTried": null, "computed": text, "clockAheadSeconds": 1});
    serde_json::from_value(check).expect("an answer")
}

/// A case with this text in its keys, subscriptions, failures, report and notes.
fn case(text: &str, overview: &PlatformOverview) -> IncidentEvidence {
    fn known<T>(rows: Vec<T>) -> QueryRecord<Vec<T>> {
        QueryRecord { query: "GET /x".to_owned(), at: Timestamp::from_millis(0), found: Ok(rows), is_incomplete: false }
    }
    IncidentEvidence {
        subjects: vec![DiagnosisSubject::All],
        at: overview.server_utc,
        lookback: std::time::Duration::from_secs(3_600),
        clock_ahead_ms: None,
        platform: Some(text.to_owned()),
        reports: vec![report(text)],
        causes: report(text).causes,
        remarks: report(text).remarks,
        keys: known(overview.keys.items.clone()),
        subscriptions: known(overview.subscriptions.items.clone()),
        failures: known(vec![attempt(overview, text)]),
        requests: known(Vec::new()),
        events: Vec::new(),
        notes: vec![(text.to_owned(), text.to_owned())],
        not_collected: vec![text.to_owned()],
        history: IncidentHistory::default(),
        reporter: ReporterStatement::default(),
        reader: TicketReader::Support,
    }
}

struct Stage {
    app: App,
    now: Timestamp,
    terminal: Terminal<SynchronizedBackend<Vec<u8>>>,
}

impl Stage {
    fn new() -> Self {
        let overview = picture("quiet");
        let now = overview.server_utc;
        let identity = ConsoleIdentity {
            mode: ConsoleMode::Remote,
            profile: "test".to_owned(),
            address: "http://127.0.0.1:1".to_owned(),
            environment: TargetEnvironment::Ordinary,
            colour: None,
        };
        let setting = AppConfig {
            identity,
            access: ConsoleAccess::Act,
            look: ConsoleAppearance::default(),
            keymap: Keymap::default(),
        };
        let mut app = App::new(setting, now);
        update::update(&mut app, Msg::Resized(200, 60), now);
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 200, 60)) };
        Self {
            app,
            now,
            terminal: Terminal::with_options(SynchronizedBackend::new(Vec::new()), options).expect("a terminal"),
        }
    }

    fn press(&mut self, keys: &str) {
        self.hear(keys);
        self.draw();
    }

    /// Presses keys, and looks at nothing.
    fn hear(&mut self, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                key => KeyCode::Char(key),
            };
            update::update(&mut self.app, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)), self.now);
        }
    }

    fn draw(&mut self) {
        self.terminal.draw(|frame| draw(frame, &self.app)).expect("a frame");
    }

    /// Shows a text in every field on every kind of screen.
    fn show(&mut self, text: &str) {
        let overview = picture(text);
        let detail = attempt(&overview, text);
        let id = overview.attempts.items[0].id;
        update::update(
            &mut self.app,
            Msg::Snapshot(Arc::new(Snapshot::default().after_overview(overview.clone(), self.now))),
            self.now,
        );
        self.press("1");
        self.press("4g\n");
        let found = FetchedDetail::Attempt(FetchedAttempt { detail, delivery: None });
        update::update(
            &mut self.app,
            Msg::JobFinished(JobResult::DetailFetched(RowId::Attempt(id), Ok(Box::new(found)))),
            self.now,
        );
        self.draw();
        // As text and in hexadecimal too.
        self.press("v");
        self.press("v");
        self.press("\u{1b}3m");
        update::update(&mut self.app, Msg::Pasted(text.to_owned()), self.now);
        self.draw();
        self.press("\n/");
        update::update(&mut self.app, Msg::Pasted(format!("target:\"{text}")), self.now);
        self.draw();
        self.press("\u{1b}1");
        self.show_diagnosis(text, &overview);
    }

    /// Shows a text in every field of a playbook's report, of the lab's answer and of a bundle.
    fn show_diagnosis(&mut self, text: &str, overview: &PlatformOverview) {
        self.hear("9\n");
        self.tell(DiagnoseResult::Report(Box::new(report(text))));
        self.press("\n");
        self.hear("\u{1b}\u{1b}4gP\n");
        let (id, subject) = (overview.attempts.items[0].id, self.app.diagnose.subject);
        self.tell(DiagnoseResult::SignatureCheck(id, subject, Ok(Box::new(check(text)))));
        self.press("\n");
        self.hear("0");
        // What has the shape of a key is refused, and then no text of it is shown at all.
        let came = build_bundle(&case(text, overview), ResponseBodies::Included, &SecretGate::default());
        self.tell(DiagnoseResult::Bundle(came.map(Box::new).map_err(BundleFailure::from)));
        self.draw();
        self.hear("\u{1b}\u{1b}\u{1b}1");
    }

    fn tell(&mut self, came: DiagnoseResult) {
        update::update(&mut self.app, Msg::JobFinished(JobResult::Diagnosed(Box::new(came))), self.now);
    }
}

#[test]
fn t1_hostile_text_in_every_field_cannot_control_a_terminal_and_is_shown() {
    let cases = corpus();
    assert!(cases.len() >= 300, "{}", cases.len());
    let mut stage = Stage::new();
    let size = |n| NonZeroU16::new(n).expect("a size");
    let mut parser = vt100::Parser::new_with_callbacks(size(60), size(200), 0, Done::default());
    let mut seen = 0;
    for (text, attack) in cases {
        stage.show(&text);
        let output = stage.terminal.backend().out();
        let new = output[seen..].to_vec();
        seen = output.len();
        let written = String::from_utf8(new.clone()).expect("UTF-8");
        let rest = without_own_sequences(&written);
        let active: Vec<char> = rest.chars().filter(|character| is_active(*character)).collect();
        assert!(active.is_empty(), "{text:?} brought {active:?}");
        parser.process(&new);
        let screen = parser.screen();
        assert!(!screen.bracketed_paste() && screen.hide_cursor() && !screen.application_cursor(), "{text:?}");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "{text:?}");
        assert_eq!(parser.callbacks().0, Vec::<String>::new(), "{text:?}");
        if let Some(mark) = mark(&attack).filter(|_| !text.starts_with("long")) {
            let plain: String = parser.screen().contents();
            assert!(plain.contains(&mark), "{text:?} does not show {mark}:\n{plain}");
        }
    }
}
