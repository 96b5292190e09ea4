//! A company with every kind of trouble, and a console without a terminal.

use super::shelf::FakeLogs;
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::ids::{AttemptId, CompanyId, DeliveryId, EventId, KeyId, SubscriptionId, TripId};
use crate::domain::scope::KeyScope;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::sync::logs::LogPageRequest;
use crate::sync::snapshot::Snapshot;
use crate::tui::effect::Msg;
use crate::tui::effect::{BackgroundJob, Effect, JobResult};
use crate::tui::keys::keymap::Keymap;
use crate::tui::state::app::App;
use crate::tui::state::config::AppConfig;
use crate::tui::state::config::{ConsoleAccess, ConsoleIdentity, ConsoleMode, TargetEnvironment};
use crate::tui::update;
use crate::tui::view::draw::draw;
use crate::tui::widgets::theme::{CharacterSet, ConsoleAppearance, ThemeName};
use crate::wire::attempts::AttemptRow;
use crate::wire::keys::{KeyRow, RateLimits, RecentKeyUsage};
use crate::wire::limits::LimitRow;
use crate::wire::overview::{PipelineCounts, PipelineMinute, PlatformOverview, PlatformStatus};
use crate::wire::page::CappedList;
use crate::wire::subscriptions::{AttemptSummary, DeliveryHealth, Subscription, SubscriptionRow};
use crate::wire::trips::{CauseCount, TripRow};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::sync::Arc;
use std::time::Duration;

/// 2026-11-23T14:02:31.114Z
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_795_442_551_114);

pub(super) fn ago(seconds: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(seconds))
}

fn key(id: i64, name: &str, last4: &str, used: Option<u64>, usage: RecentKeyUsage) -> KeyRow {
    KeyRow {
        missing_scopes: None,
        refusal: None,
        id: KeyId(id),
        company_id: CompanyId(92),
        name: name.into(),
        last4: last4.into(),
        scopes: vec![KeyScope::EventsRead, KeyScope::IntegrationsWrite],
        is_active: Some(true),
        created_utc: Some(ago(200 * 86_400)),
        last_used_utc: used.map(ago),
        revoked_utc: None,
        limits: Some(RateLimits { read: 60, write: 100, admin: 200 }),
        usage: Some(usage),
    }
}

fn keys() -> CappedList<KeyRow> {
    let usage = |n, client, limited, server| RecentKeyUsage {
        n_last_minute: n,
        n_client_errors: client,
        n_limited: limited,
        n_server_errors: server,
    };
    let mut revoked = key(6, "Old Make Scenario", "0000", Some(9_000_000), RecentKeyUsage::default());
    revoked.is_active = Some(false);
    revoked.revoked_utc = Some(ago(86_400));
    let mut fresh = key(5, "New \u{1b}[31mred\u{202e}gpj key", "ab\u{7}c", None, RecentKeyUsage::default());
    fresh.created_utc = Some(ago(3_600));
    let items = vec![
        key(1, "Zapier Production", "aZ3k", Some(9), usage(118, 61, 60, 0)),
        key(2, "HubSpot Sync", "x81Q", Some(97 * 86_400), usage(0, 0, 0, 0)),
        fresh,
        key(3, "n8n Workflows", "p0Lm", Some(150), usage(12, 0, 0, 0)),
        key(4, "客户同步 integration for the northern region", "QQQQ", Some(40_000), usage(3, 1, 0, 0)),
        revoked,
    ];
    CappedList::new(items, 6, 2)
}

fn rate(n_succeeded: u64, n_failed: u64) -> AttemptSummary {
    let some = n_succeeded + n_failed > 0;
    AttemptSummary {
        n_succeeded,
        n_failed,
        p50_ms: some.then_some(150),
        p95_ms: some.then_some(300),
        p99_ms: some.then_some(1_000),
    }
}

fn subscription(id: i64, target: &str, streak: u32) -> SubscriptionRow {
    SubscriptionRow {
        subscription: Subscription {
            event_types: vec!["client.created".into(), "payment.failed".into()],
            consecutive_failures: Some(streak),
            last_attempt_utc: Some(ago(3).whole_second()),
            last_success_utc: Some(ago(70).whole_second()),
            updated_utc: Some(ago(86_400).whole_second()),
            ..Subscription::new(SubscriptionId(id), CompanyId(92), target.into(), ago(90 * 86_400).whole_second())
        },
        health: Some(DeliveryHealth {
            last_5m: rate(40, 0),
            last_1h: rate(480, 2),
            last_24h: rate(9_800, 40),
            ..idle()
        }),
        disabled_after_utc: None,
        disabled_note: None,
    }
}

/// Health of a subscription at which nothing waits.
fn idle() -> DeliveryHealth {
    DeliveryHealth { n_backlog: Some(0), n_skipped: Some(0), n_parked: Some(0), ..DeliveryHealth::default() }
}

fn subscriptions() -> CappedList<SubscriptionRow> {
    let mut tripped = subscription(21, "https://hooks.acme.example/orders", 20);
    tripped.subscription.is_enabled = false;
    tripped.subscription.disabled_reason = Some(DisabledReason::Breaker);
    tripped.subscription.disabled_utc = Some(ago(240).whole_second());
    tripped.health = Some(DeliveryHealth { last_1h: rate(0, 37), n_skipped: Some(118), n_parked: Some(3), ..idle() });
    let mut failing = subscription(23, "https://api.globex.example/in", 15);
    failing.subscription.description = Some("nightly sync\nof \u{1b}]0;owned\u{7} payments".into());
    failing.subscription.managed_by = Some("Zapier".into());
    failing.health = Some(DeliveryHealth {
        last_5m: rate(2, 11),
        last_1h: rate(61, 39),
        last_24h: rate(900, 100),
        streak_began_utc: Some(ago(1_020)),
        streak_latest_utc: Some(ago(12)),
        next_due_utc: Some(NOW.plus(Duration::from_secs(42))),
        n_backlog: Some(27),
        ..idle()
    });
    let mut flaky = subscription(24, "https://flaky.initech.example/a/very/long/path/that/goes/on/and/on?token=abc", 2);
    flaky.health = flaky.health.map(|health| DeliveryHealth {
        last_1h: rate(85, 15),
        next_due_utc: Some(NOW.plus(Duration::from_secs(4_000))),
        n_backlog: Some(12_345),
        ..health
    });
    let mut unknown = subscription(25, "https://new.example/", 0);
    unknown.subscription.last_attempt_utc = None;
    unknown.subscription.last_success_utc = None;
    unknown.health = Some(idle());
    let healthy = subscription(17, "https://crm.initech.example/wh", 0);
    let hostile = subscription(18, "https://evil.example/\u{1b}[2J\u{202e}moc.elgoog", 0);
    let mut off = subscription(26, "https://paused.example/in", 0);
    off.subscription.is_enabled = false;
    off.subscription.disabled_reason = Some(DisabledReason::Manual);
    off.subscription.disabled_utc = Some(ago(7_200).whole_second());
    off.disabled_note = Some("they move\u{1b}[2J house".into());
    let items = vec![tripped, failing, flaky, unknown, healthy, hostile, off];
    CappedList::new(items, 12, 3)
}

pub(super) fn attempt(id: i64, seconds: u64, status: Option<u16>, cause: Option<&str>) -> AttemptRow {
    let failing = status != Some(200);
    let elapsed_ms = if cause.is_some() { 10_000 } else { 181 };
    AttemptRow {
        id: AttemptId(id),
        started_utc: ago(seconds).minus(Duration::from_millis(elapsed_ms)),
        company_id: Some(CompanyId(92)),
        subscription_id: Some(SubscriptionId(if failing { 23 } else { 17 })),
        target_url: Some(
            if failing { "https://api.globex.example/in" } else { "https://crm.initech.example/wh" }.into(),
        ),
        delivery_id: Some(DeliveryId(id + 900)),
        event_id: Some(EventId(45_000 + id)),
        event_type: if failing { "payment.failed" } else { "client.status_changed" }.into(),
        kind: if id % 7 == 0 { Some(AttemptKind::Test) } else { Some(AttemptKind::Scheduled) },
        number: if failing { Some(3) } else { Some(1) },
        of: Some(11),
        elapsed_ms,
        status_code: status,
        cause: cause.map(Into::into),
        error: cause.map(|cause| format!("{cause}: nothing complete within 10 s").into()),
    }
}

fn attempts() -> CappedList<AttemptRow> {
    let items = (0_u64..60)
        .map(|n| {
            let id = 678 - i64::try_from(n).expect("small");
            match n % 5 {
                1 => attempt(id, 1 + n * 2, None, Some("timeout")),
                3 => attempt(id, 1 + n * 2, Some(503), None),
                _ => attempt(id, 1 + n * 2, Some(200), None),
            }
        })
        .collect();
    CappedList::new(items, 4_812, 0)
}

fn window(key: i64, name: &str, bucket: RateBucket, used: u32, n_refused: u64) -> LimitRow {
    let limit = bucket.default_limit();
    LimitRow {
        week: None,
        own_use: None,
        key_id: KeyId(key),
        company_id: CompanyId(92),
        key_name: name.into(),
        last4: "aZ3k".into(),
        bucket,
        limit,
        used: Some(used),
        remaining: Some(limit - used.min(limit)),
        n_refused: Some(n_refused),
        window_utc: NOW.floor_to(60_000),
        reset_utc: NOW.floor_to(60_000).plus(Duration::from_secs(60)),
        history: (0..60).map(|minute| Some(if used == 0 { 0 } else { minute * used / 60 })).collect(),
    }
}

fn limits() -> CappedList<LimitRow> {
    let items = vec![
        window(1, "Zapier Production", RateBucket::Read, 60, 14),
        window(1, "Zapier Production", RateBucket::Write, 92, 0),
        window(3, "n8n Workflows", RateBucket::Read, 40, 0),
        window(3, "n8n Workflows", RateBucket::Write, 19, 0),
        window(4, "客户同步 integration for the northern region", RateBucket::Read, 1, 0),
        window(4, "客户同步 integration for the northern region", RateBucket::Admin, 0, 0),
    ];
    CappedList::new(items, 6, 2)
}

fn trips() -> CappedList<TripRow> {
    let cause = |cause: &str, n| CauseCount { cause: cause.into(), n };
    let items = vec![
        TripRow {
            id: TripId(9),
            subscription_id: SubscriptionId(21),
            company_id: CompanyId(92),
            target_url: "https://hooks.acme.example/orders".into(),
            tripped_utc: ago(240),
            causes: Some(vec![cause("500", 18), cause("timeout", 2)]),
            enabled_utc: None,
            enabled_by: None,
            n_missed: Some(118),
        },
        TripRow {
            id: TripId(8),
            subscription_id: SubscriptionId(24),
            company_id: CompanyId(92),
            target_url: "https://flaky.initech.example/a/very/long/path/that/goes/on".into(),
            tripped_utc: ago(3 * 86_400),
            causes: Some(vec![cause("refused", 20)]),
            enabled_utc: Some(ago(3 * 86_400 - 1_500)),
            enabled_by: Some("dana\u{1b}[31m".into()),
            n_missed: Some(0),
        },
    ];
    CappedList::new(items, 2, 1)
}

pub(super) fn overview() -> PlatformOverview {
    PlatformOverview {
        server_utc: NOW,
        cursor: 100,
        platform: Some(PlatformStatus { version: "0.1.0".to_owned(), private_targets: false, dispatch_paused: None }),
        pipeline: PipelineCounts {
            n_pending: Some(39),
            n_in_flight: Some(2),
            n_succeeded_1h: Some(4_700),
            n_failed_1h: Some(112),
            n_trips_24h: Some(1),
            oldest_due_utc: None,
            n_skipped_24h: Some(0),
            n_exhausted_24h: Some(0),
        },
        minutes: (0..60)
            .map(|minute| PipelineMinute {
                n_ok: if minute % 20 == 3 { 0 } else { 40 + minute },
                n_failed: if minute % 20 == 3 { 9 } else { u32::from(minute > 40 && minute % 3 == 0) * 4 },
            })
            .collect(),
        keys: keys(),
        subscriptions: subscriptions(),
        attempts: attempts(),
        limits: limits(),
        trips: trips(),
        ..PlatformOverview::default()
    }
}

pub(super) fn empty() -> PlatformOverview {
    let none = || CappedList::new(Vec::new(), 0, 0);
    PlatformOverview {
        keys: CappedList::default(),
        subscriptions: CappedList::default(),
        attempts: none(),
        limits: CappedList::default(),
        trips: CappedList::default(),
        pipeline: PipelineCounts {
            n_pending: Some(0),
            n_in_flight: Some(0),
            n_succeeded_1h: Some(0),
            n_failed_1h: Some(0),
            n_trips_24h: Some(0),
            ..PipelineCounts::default()
        },
        ..overview()
    }
}

pub(super) fn picture(overview: PlatformOverview) -> Arc<Snapshot> {
    Arc::new(Snapshot::default().after_overview(overview, NOW))
}

/// A console at `NOW`.
pub(super) struct TestConsole {
    pub(super) app: App,
    pub(super) now: Timestamp,
    /// Page requests that are not answered yet.
    pub(super) asked: Vec<LogPageRequest>,
    /// Logs from which page requests are answered.
    pub(super) shelf: FakeLogs,
}

impl TestConsole {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self::with(width, height, ConsoleAccess::Act, ConsoleAppearance::default())
    }

    pub(super) fn with(width: u16, height: u16, access: ConsoleAccess, look: ConsoleAppearance) -> Self {
        let setting = AppConfig { identity: identity(), access, look, keymap: Keymap::default() };
        let mut bench = Self { app: App::new(setting, NOW), now: NOW, asked: Vec::new(), shelf: FakeLogs::default() };
        bench.tell(Msg::Resized(width, height));
        bench.show(overview());
        bench
    }

    pub(super) fn ascii(width: u16, height: u16) -> Self {
        let look =
            ConsoleAppearance { theme: ThemeName::Mono, charset: CharacterSet::Ascii, ..ConsoleAppearance::default() };
        Self::with(width, height, ConsoleAccess::Act, look)
    }

    /// Tells the console something. Pages that it wants are kept aside.
    pub(super) fn tell(&mut self, msg: Msg) -> Vec<Effect> {
        let mut others = Vec::new();
        for effect in update::update(&mut self.app, msg, self.now) {
            match effect {
                Effect::StartJob(BackgroundJob::FetchLogPage(ask)) => self.asked.push(ask),
                other => others.push(other),
            }
        }
        others
    }

    /// Answers every page that was asked for, also those that the answers make it ask for.
    pub(super) fn answer_pages(&mut self) {
        while let Some(ask) = self.asked.pop() {
            let came = self.shelf.page(&ask);
            self.tell(Msg::JobFinished(JobResult::LogPage(Box::new(ask), Ok(Box::new(came)))));
        }
    }

    pub(super) fn show(&mut self, overview: PlatformOverview) {
        self.tell(Msg::Snapshot(picture(overview)));
    }

    pub(super) fn code(&mut self, code: KeyCode) -> Vec<Effect> {
        self.tell(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    /// Presses keys: a letter each, `\n` for Enter, `\t` for Tab, `\u{1b}` for Esc.
    pub(super) fn press(&mut self, keys: &str) -> Vec<Effect> {
        keys.chars()
            .flat_map(|key| {
                self.code(match key {
                    '\n' => KeyCode::Enter,
                    '\t' => KeyCode::Tab,
                    '\u{1b}' => KeyCode::Esc,
                    key => KeyCode::Char(key),
                })
            })
            .collect()
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.tell(Msg::Tick);
    }

    /// The screen as text, spaces at the ends of lines left out.
    pub(super) fn screen(&self) -> String {
        text(&self.frame())
    }

    /// The screen with its colours.
    pub(super) fn frame(&self) -> TestBackend {
        let area = self.app.screen_size.area;
        let mut terminal = Terminal::new(TestBackend::new(area.width, area.height)).expect("a terminal");
        terminal.draw(|frame| draw(frame, &self.app)).expect("a frame");
        terminal.backend().clone()
    }
}

pub(super) fn identity() -> ConsoleIdentity {
    ConsoleIdentity {
        mode: ConsoleMode::Demo,
        profile: "standalone".to_owned(),
        address: "http://127.0.0.1:41873".to_owned(),
        environment: TargetEnvironment::Ordinary,
        colour: None,
    }
}

pub(super) fn text(backend: &TestBackend) -> String {
    let buffer = backend.buffer();
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(crate::tui::widgets::format::width(symbol)).expect("narrow").max(1);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}
