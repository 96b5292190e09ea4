//! Line mode of the console, for screen readers, pipes and simple terminals: every change as a sentence, the newest
//! last.

use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::outbound::{OutboundText, RedactionCounts, SecretGate, SecretInTextError};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::sync::alerts::{AcknowledgedBy, Alert};
use crate::sync::link::LinkState;
use crate::sync::snapshot::Snapshot;
use crate::tui::effect::Msg;
use crate::tui::ids::Pane;
use crate::tui::panes::rows_of;
use crate::tui::state::app::App;
use crate::tui::state::dashboard::DashboardPanes;
use crate::tui::update;
use crate::tui::widgets::format;
use std::sync::Arc;
use std::time::Duration;

/// Age above which the beginning of an alert is given with its date.
const DATED_AFTER: Duration = Duration::from_secs(86_400);

/// Line-mode console, with what it reported so far.
#[derive(Debug)]
pub struct LineConsole {
    app: App,
    link: Option<&'static str>,
    reported_alerts: Vec<ReportedAlert>,
    gate: SecretGate,
}

/// Alert as it was last reported.
#[derive(Debug)]
struct ReportedAlert {
    subject: AlertSubject,
    status: HealthStatus,
    name: String,
    acknowledged: Option<AcknowledgedBy>,
}

impl LineConsole {
    /// Creates a line-mode console that has reported nothing; `app` is a console without a screen, and every line passes
    /// `gate`.
    #[must_use]
    pub const fn new(app: App, gate: SecretGate) -> Self {
        Self { app, link: None, reported_alerts: Vec::new(), gate }
    }

    /// Lines for a new snapshot; none if nothing changed that would be reported.
    pub fn lines(&mut self, picture: &Arc<Snapshot>, now: Timestamp) -> Vec<OutboundText> {
        let lines = self.news(picture, now);
        let passed = lines.into_iter().map(|line| {
            let line = format!("{} UTC  {line}", now.format("%H:%M:%S"));
            self.gate.redact_and_release(&line, &mut RedactionCounts::default()).or_else(|held| {
                let SecretInTextError { kind, fingerprint, .. } = held;
                self.gate.release(format!("a line was held back: {kind} (fingerprint {fingerprint})"))
            })
        });
        passed.filter_map(Result::ok).collect()
    }

    fn news(&mut self, picture: &Arc<Snapshot>, now: Timestamp) -> Vec<String> {
        let is_first = self.app.snapshot.overview.is_none() && picture.overview.is_some();
        update::update(&mut self.app, Msg::Snapshot(Arc::clone(picture)), now);
        let mut said = Vec::new();
        let link = link(&picture.link);
        if self.link != Some(link) {
            self.link = Some(link);
            said.push(match &picture.link {
                LinkState::Offline { why, .. } | LinkState::Waiting { why, .. } => {
                    format!("{link}: {}", Untrusted::new(why.as_str()).sanitized())
                }
                _ => link.to_owned(),
            });
        }
        if is_first {
            said.extend(self.summary());
        }
        if picture.overview.is_some() {
            said.extend(self.alerts(picture.alerts(), now));
        }
        said
    }

    /// One summary line for each pane of the dashboard.
    fn summary(&self) -> Vec<String> {
        let Some(view) = self.app.view() else { return Vec::new() };
        let line = |pane: Pane| {
            let title = pane.title().trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            format!("{title}: {}", rows_of(pane).summary(&view).replace("   ", ", "))
        };
        DashboardPanes::on_screen(&self.app).panes().into_iter().map(line).collect()
    }

    fn alerts(&mut self, alerts: &[Alert], now: Timestamp) -> Vec<String> {
        let mut said = Vec::new();
        for alert in alerts {
            let name = format::target(&alert.name);
            let reported = self.reported_alerts.iter().find(|reported| reported.subject == alert.subject);
            // An alert is reported again when its health status changes.
            if reported.is_none_or(|reported| reported.status != alert.standing) {
                let since = alert.since.format(if now.since(alert.since) < DATED_AFTER {
                    "%H:%M:%S"
                } else {
                    "%Y-%m-%d %H:%M"
                });
                said.push(format!("{}: {name}: {}; since {since} UTC", alert.standing.name(), alert.why));
            }
            if let Some(acknowledged) = &alert.acknowledged
                && reported.is_none_or(|reported| reported.acknowledged != alert.acknowledged)
            {
                said.push(format!("{name}: {}", acknowledged.line()));
            }
        }
        for reported in &self.reported_alerts {
            if alerts.iter().all(|alert| alert.subject != reported.subject) {
                said.push(format!("resolved: {}", reported.name));
            }
        }
        let reported = alerts.iter().map(|alert| ReportedAlert {
            subject: alert.subject,
            status: alert.standing,
            name: format::target(&alert.name),
            acknowledged: alert.acknowledged.clone(),
        });
        self.reported_alerts = reported.collect();
        said
    }
}

const fn link(link: &LinkState) -> &'static str {
    match link {
        LinkState::Connecting => "CONNECTING",
        LinkState::Live => "LIVE",
        LinkState::Lagging => "LAGGING",
        LinkState::Stale => "STALE",
        LinkState::Waiting { .. } => "WAITING",
        LinkState::Offline { .. } => "OFFLINE",
    }
}
