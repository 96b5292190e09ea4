//! `crow watch`: watches a platform without a screen and sends alerts out. It is a process of its own, so that alerts
//! are sent when no console is open, and only once when two are.

use super::alerting::{self, AlertChannel};
use super::arguments::watch::WatchArgs;
use super::document::{ObjectDocument, outbound};
use super::failure::CommandFailure;
use super::output::{self, ReaderState};
use super::portal::ConnectedPlatform;
use super::serve::stop_signal;
use super::{log, portal, settings};
use crate::client::connection::PlatformClient;
use crate::client::notifications::{CREDENTIAL_PLACEHOLDER, NotificationError, OutwardClient};
use crate::clock::{self, RuntimeEnv};
use crate::domain::outbound::{OutboundText, RedactionCounts, SecretGate};
use crate::domain::text::Untrusted;
use crate::files::private;
use crate::sync::alert_notifier::{AlertNotifier, NotifierInputs};
use crate::sync::alerts::ActiveAlerts;
use crate::sync::feed;
use crate::sync::notice::{AlertNotification, AlertTransition, NOTIFICATION_DOCUMENT};
use crate::sync::outbox::{Outbox, QueuedNotification};
use crate::sync::snapshot::Snapshot;
use crate::wire::alerts::NewAcknowledgement;
use crate::wire::changes;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Rows per list that are searched for alerts; lists begin with the worst.
const ROWS_PER_LIST: u32 = 500;
/// Interval between two looks at alerts on hold and notifications in the queue.
const WATCH_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum time that an alert command may take.
const ALERT_COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks at a running alert command.
const CHILD_POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(super) async fn run(asked: WatchArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let ways = alerting::configured_channels()?;
    let client = portal::follow(&asked.remote).await?;
    let desk = AlertWatcher::open(&client, ways, &asked)?;
    if asked.trial {
        return desk.send_test().await;
    }
    if asked.list {
        for notice in desk.notifier.reported() {
            output::write(&format!("{}  since {}  {}", notice.key, notice.since_utc, notice.summary_line()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(key) = &asked.acknowledge {
        return desk.acknowledge(&client, key).await;
    }
    if desk.channels.is_empty() && !asked.bell {
        output::remark(
            "crow: no alert destination configured; notifications go to stdout only (see crow config template)",
        );
    }
    desk.follow(&client, asked).await
}

/// State of `crow watch`: channels, the outbox, and the alerts that were reported.
struct AlertWatcher {
    platform: String,
    channels: Vec<AlertChannel>,
    outbox: Outbox,
    notifier: AlertNotifier,
    /// File that stores which alerts were reported.
    reported_file: PathBuf,
    http: OutwardClient,
    /// Secret scan that every outgoing text passes.
    gate: SecretGate,
    ambient: RuntimeEnv,
}

impl AlertWatcher {
    fn open(client: &ConnectedPlatform, ways: Vec<AlertChannel>, asked: &WatchArgs) -> Result<Self, CommandFailure> {
        let platform = client.base().to_owned();
        let place: String = platform.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let folder = match &asked.state {
            Some(folder) => folder.clone(),
            None => settings::state_dir()?.join("watch").join(place),
        };
        let refused = |error: std::io::Error| {
            CommandFailure::usage(format!("{}: {error}", folder.display()), "choose a writable folder with --state DIR")
        };
        let outbox = Outbox::open(&folder.join("outbox")).map_err(refused)?;
        let memory = folder.join("told.json");
        let told = load_reported(&memory).map_err(refused)?;
        Ok(Self {
            platform,
            channels: ways,
            outbox,
            notifier: told,
            reported_file: memory,
            http: OutwardClient::new()?,
            gate: client.secret_gate(),
            ambient: RuntimeEnv::real(),
        })
    }

    /// Takes the lock that keeps other watches of this platform out, until the returned file is dropped.
    fn lock_platform(&self) -> Result<File, CommandFailure> {
        let path = self.reported_file.with_file_name("lock");
        let refused = |why: &str| {
            CommandFailure::usage(
                format!("{}: {why}", path.display()),
                "stop the other one, or choose another folder with --state DIR",
            )
        };
        let file = private::private_options().write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|error| refused(&error.to_string()))?;
        file.try_lock().map_err(|_| refused("another crow watch is running for this platform"))?;
        Ok(file)
    }

    /// Watches the platform until a signal arrives or the pipe is closed.
    async fn follow(mut self, client: &PlatformClient, asked: WatchArgs) -> Result<ExitCode, CommandFailure> {
        let _alone = self.lock_platform()?;
        let (sender, mut pictures) = watch::channel(Arc::new(Snapshot::default()));
        let settings = feed::FeedSettings { rows: ROWS_PER_LIST, history: None };
        let feeding = clock::spawn(feed::follow(client.clone(), self.ambient.clone(), settings, sender));
        let mut stopped = pin!(stop_signal()?);
        loop {
            let picture = pictures.borrow_and_update().clone();
            let seen = NotifierInputs {
                platform: &self.platform,
                alerts: picture.alerts(),
                link: &picture.link,
                now: self.ambient.now(),
            };
            let before = self.notifier.clone();
            let notices = self.notifier.step(&seen, asked.hold);
            for notice in &notices {
                self.enqueue(notice)?;
                if asked.bell {
                    self.ring_bell(notice);
                }
                let line = if asked.ndjson { self.notice_document(notice) } else { self.written(notice) };
                match line {
                    Err(why) => output::remark(&format!("crow: {why}")),
                    Ok(line) if output::write(line.as_str())? == ReaderState::Gone => return Ok(ExitCode::SUCCESS),
                    Ok(_) => {}
                }
            }
            // Saved after the outbox: after a crash a notification may go out twice, but none is lost.
            if before != self.notifier {
                save_reported(&self.reported_file, &self.notifier).map_err(|error| {
                    CommandFailure::failed(format!("{}: {error}", self.reported_file.display()), "free disk space")
                })?;
            }
            self.send_due().await;
            tokio::select! {
                () = &mut stopped => break,
                () = self.ambient.sleep(WATCH_POLL_INTERVAL) => {}
            }
        }
        feeding.abort();
        Ok(ExitCode::SUCCESS)
    }

    fn enqueue(&self, notice: &AlertNotification) -> Result<(), CommandFailure> {
        let ways: Vec<&str> = self.channels.iter().map(AlertChannel::name).collect();
        self.outbox
            .enqueue(notice, &ways)
            .map_err(|error| CommandFailure::failed(format!("cannot store a notification: {error}"), "free disk space"))
    }

    /// Sends the notifications that are due. A notification that fails stays queued; one that can never be delivered
    /// is reported and dropped.
    async fn send_due(&self) {
        let due = self.outbox.due(self.ambient.now()).unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox cannot be read");
            Vec::new()
        });
        for letter in due {
            let noted = match self.channels.iter().find(|way| way.name() == letter.channel) {
                None => {
                    tracing::warn!(
                        way = letter.channel,
                        "a notification is for a destination that is no longer configured; it is dropped"
                    );
                    self.outbox.remove(&letter)
                }
                Some(way) => match self.deliver(way, &letter.notice).await {
                    Ok(()) => self.outbox.remove(&letter),
                    Err(NotificationError::Permanent(why)) => {
                        output::remark(&failure_line(&letter, &why, "dropped"));
                        self.outbox.remove(&letter)
                    }
                    Err(NotificationError::Temporary { why, retry_after }) => {
                        if letter.n_tries == 0 {
                            output::remark(&failure_line(&letter, &why, "retrying"));
                        }
                        self.outbox.reschedule(&letter, self.ambient.now(), retry_after)
                    }
                },
            };
            if let Err(error) = noted {
                tracing::warn!(%error, "the outbox cannot be written");
            }
        }
    }

    async fn deliver(&self, way: &AlertChannel, notice: &AlertNotification) -> Result<(), NotificationError> {
        match way {
            AlertChannel::Webhook(url) => self.http.post(url, &self.notice_document(notice)?, None).await,
            AlertChannel::PagerDuty(url, key) => {
                let event = outbound::pager_event(CREDENTIAL_PLACEHOLDER, notice, &self.gate)
                    .map_err(|why| held(notice, &why))?;
                self.http.post(url, &event, Some(key)).await
            }
            AlertChannel::Command(words) => {
                run_alert_command(words, &self.notice_document(notice)?, &self.ambient).await
            }
        }
    }

    /// Serialises a notification as the document that leaves this machine.
    fn notice_document(&self, notice: &AlertNotification) -> Result<OutboundText, NotificationError> {
        outbound::line(&ObjectDocument { schema: NOTIFICATION_DOCUMENT, item: notice }, &self.gate)
            .map_err(|why| held(notice, &why))
    }

    /// A notice as a line for people.
    fn written(&self, notice: &AlertNotification) -> Result<OutboundText, NotificationError> {
        self.gate
            .redact_and_release(
                &format!("{}  {}", notice.at_utc, notice.summary_line()),
                &mut RedactionCounts::default(),
            )
            .map_err(|why| held(notice, &why))
    }

    /// The bell, and a notification where the terminal knows them; nothing where there is none.
    fn ring_bell(&self, notice: &AlertNotification) {
        let mut err = std::io::stderr();
        if err.is_terminal() {
            let said = self.gate.redact_and_release(&notice.summary_line(), &mut RedactionCounts::default());
            let said = said.as_ref().map_or(notice.key.as_str(), OutboundText::as_str);
            let _ = write!(err, "\x1b]9;crow: {said}\x07\x07");
        }
    }

    /// Sends a test notification through every channel at once, and reports the results.
    async fn send_test(self) -> Result<ExitCode, CommandFailure> {
        if self.channels.is_empty() {
            return Err(CommandFailure::usage(
                "no alert destination configured",
                "set one in [alerts] (see crow config template)",
            ));
        }
        let now = self.ambient.now();
        let notice = AlertNotification {
            turn: AlertTransition::Tried,
            key: format!("crow/trial/{}", now.millis()),
            subject: "trial".to_owned(),
            name: "crow watch --try".into(),
            state: "wrn".to_owned(),
            why: "test notification; no action required".into(),
            since_utc: now,
            at_utc: now,
            platform: self.platform.clone(),
        };
        let mut code = ExitCode::SUCCESS;
        for way in &self.channels {
            let came = match self.deliver(way, &notice).await {
                Ok(()) => "arrived".to_owned(),
                Err(error) => {
                    code = ExitCode::from(1);
                    format!("did not arrive: {}", Untrusted::new(error.to_string()).sanitized())
                }
            };
            output::write(&format!("{:<10} {came}", way.name()))?;
        }
        if let Some(pager) = self.channels.iter().find(|way| matches!(way, AlertChannel::PagerDuty(..))) {
            // A test must not leave an incident open that pages an operator.
            let _ = self.deliver(pager, &AlertNotification { turn: AlertTransition::Resolved, ..notice }).await;
        }
        Ok(code)
    }

    /// Acknowledges a reported alert on the platform, where every watch and console sees it.
    async fn acknowledge(&self, client: &PlatformClient, key: &str) -> Result<ExitCode, CommandFailure> {
        let Some(open) = self.notifier.reported().find(|notice| notice.key == key) else {
            return Err(CommandFailure::usage(format!("no reported alert has the key {key}"), "see crow watch --list"));
        };
        // The platform's current alert, which may differ from what was reported.
        let overview = client.overview(ROWS_PER_LIST).await?;
        let alerts = ActiveAlerts::default().updated(&overview, self.ambient.now());
        let Some(alert) = alerts.list().iter().find(|alert| alert.subject.to_string() == open.subject) else {
            return Err(CommandFailure::usage(format!("{key} is resolved"), "see crow watch --list for open alerts"));
        };
        let body = NewAcknowledgement::new(alert.subject, alert.standing, None);
        let said = client.change(&changes::ACKNOWLEDGE_ALERT, &body).await?;
        output::write(&format!("{key} is acknowledged by {}; a running crow watch reports it", said.by.sanitized()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Outcome of a notification that does not pass the secret gate.
fn held(notice: &AlertNotification, why: &dyn std::error::Error) -> NotificationError {
    NotificationError::Permanent(format!("{} was not sent: {why}", notice.key))
}

fn failure_line(letter: &QueuedNotification, why: &str, end: &str) -> String {
    let why = Untrusted::new(why).sanitized();
    format!("crow: {} rejected \"{} {}\": {why}; {end}", letter.channel, letter.notice.turn.name(), letter.notice.key)
}

fn load_reported(memory: &Path) -> std::io::Result<AlertNotifier> {
    match crate::files::read_limited(memory, crate::files::MAX_STATE_BYTES) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(AlertNotifier::default()),
        Err(error) => Err(error),
    }
}

fn save_reported(memory: &Path, told: &AlertNotifier) -> std::io::Result<()> {
    private::replace_synced(memory, &serde_json::to_vec(told)?)
}

/// Runs a program with the notification on its standard input; its output is discarded.
async fn run_alert_command(
    words: &[String],
    json: &OutboundText,
    ambient: &RuntimeEnv,
) -> Result<(), NotificationError> {
    let for_now = |why: String| NotificationError::Temporary { why, retry_after: None };
    let Some((program, rest)) = words.split_first() else {
        return Err(NotificationError::Permanent("no program given".to_owned()));
    };
    let mut running = Command::new(program)
        .args(rest)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| for_now(format!("cannot start {program}: {error}")))?;
    if let Some(mut input) = running.stdin.take() {
        // A program that does not read its standard input is not an error.
        let _ = writeln!(input, "{}", json.as_str());
    }
    let begun = ambient.stopwatch();
    loop {
        match running.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(for_now(format!("{program} ended with {status}"))),
            Ok(None) if begun.elapsed() < ALERT_COMMAND_TIMEOUT => ambient.sleep(CHILD_POLL_INTERVAL).await,
            Ok(None) => {
                let _ = running.kill().and_then(|()| running.wait());
                return Err(for_now(format!("{program} took longer than {} s", ALERT_COMMAND_TIMEOUT.as_secs())));
            }
            Err(error) => return Err(for_now(format!("{program}: {error}"))),
        }
    }
}
