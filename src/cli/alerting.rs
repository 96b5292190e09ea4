//! Notification channels of `crow watch`, read from `[alerts]` in the configuration file.

use super::failure::CommandFailure;
use super::profile::credential::is_loopback;
use super::settings;
use crate::domain::secret::Secret;
use crate::files;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Configuration file, reduced to its `[alerts]` table.
#[derive(Debug, Default, Deserialize)]
struct AlertingConfigFile {
    #[serde(default)]
    alerts: AlertChannelsConfig,
}

/// `[alerts]` table as it is written in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertChannelsConfig {
    command: Option<Vec<String>>,
    webhook: Option<WebhookConfig>,
    pagerduty: Option<PagerDutyConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookConfig {
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PagerDutyConfig {
    routing_key_file: PathBuf,
    #[serde(default = "events")]
    url: String,
}

/// Default address of the PagerDuty Events API.
fn events() -> String {
    "https://events.pagerduty.com".to_owned()
}

/// Notification channel that alerts are sent through.
#[derive(Debug)]
pub(super) enum AlertChannel {
    /// Program, with arguments, that receives the notification on its standard input.
    Command(Vec<String>),
    /// Webhook address that the notification is posted to.
    Webhook(String),
    /// PagerDuty: address of its Events API, and the routing key.
    PagerDuty(String, Secret),
}

impl AlertChannel {
    /// Returns the channel's name in the configuration file.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Webhook(_) => "webhook",
            Self::PagerDuty(..) => "pagerduty",
        }
    }
}

/// Reads the configured channels; none if there is no configuration file.
///
/// # Errors
///
/// [`CommandFailure`] when the file cannot be read or its `[alerts]` table is invalid.
pub(super) fn configured_channels() -> Result<Vec<AlertChannel>, CommandFailure> {
    settings::config_file().map_or_else(|| Ok(Vec::new()), |file| read_channels(&file))
}

pub(super) fn read_channels(file: &Path) -> Result<Vec<AlertChannel>, CommandFailure> {
    let refused = |why: String| CommandFailure::usage(format!("{}: {why}", file.display()), "see crow config template");
    let text = match files::read_text_limited(file, files::MAX_SETTINGS_BYTES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(error.to_string())),
        Ok(text) => text,
    };
    let found: AlertingConfigFile = toml_edit::de::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        refused(format!("line {line}: {}", error.message()))
    })?;
    let AlertChannelsConfig { command, webhook, pagerduty } = found.alerts;
    let mut ways = Vec::new();
    if let Some(command) = command {
        if command.is_empty() {
            return Err(refused("[alerts] command: no program given".to_owned()));
        }
        ways.push(AlertChannel::Command(command));
    }
    if let Some(WebhookConfig { url }) = webhook {
        ways.push(AlertChannel::Webhook(check_url(url).map_err(|why| refused(format!("[alerts.webhook] url {why}")))?));
    }
    if let Some(PagerDutyConfig { routing_key_file, url }) = pagerduty {
        let url = check_url(url).map_err(|why| refused(format!("[alerts.pagerduty] url {why}")))?;
        let key = files::read_text_limited(&routing_key_file, files::MAX_SECRET_BYTES)
            .map_err(|error| refused(format!("[alerts.pagerduty] {}: {error}", routing_key_file.display())))?;
        let url = format!("{}/v2/enqueue", url.trim_end_matches('/'));
        ways.push(AlertChannel::PagerDuty(url, Secret::new(key.trim().to_owned())));
    }
    Ok(ways)
}

/// Accepts an address that notifications can be posted to: https, or http to a loopback address.
fn check_url(url: String) -> Result<String, String> {
    let parsed = url::Url::parse(&url).map_err(|error| format!("{url:?} is not a URL: {error}"))?;
    match parsed.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&parsed) => Ok(url),
        _ => Err(format!("{url:?} must use https://, unless it is on this machine")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_read_and_what_is_wrong_is_said() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        let key = dir.path().join("key");
        std::fs::write(&key, "R0UT1NG\n").expect("written");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("written");
            read_channels(&file)
        };
        let text = format!(
            "[keys]\nfilter = \"z\"\n[alerts]\ncommand = [\"notify\", \"-x\"]\n[alerts.webhook]\nurl = \"https://h.example/x\"\n\
             [alerts.pagerduty]\nrouting_key_file = {key:?}\n"
        );
        let ways = read(&text).expect("three ways");
        assert_eq!(ways.iter().map(AlertChannel::name).collect::<Vec<_>>(), ["command", "webhook", "pagerduty"]);
        assert!(
            matches!(&ways[2], AlertChannel::PagerDuty(url, key) if url == "https://events.pagerduty.com/v2/enqueue" && key.reveal() == "R0UT1NG")
        );
        assert!(!format!("{ways:?}").contains("R0UT1NG"));
        assert!(read("[keys]\n").expect("none").is_empty());
        for (text, said) in [
            ("[alerts]\ncommand = []\n", "no program given"),
            ("[alerts]\n\nbel = true\n", "unknown field `bel`"),
            ("[alerts.webhook]\nurl = \"http://h.example/\"\n", "must use https://"),
            ("[alerts.pagerduty]\nrouting_key_file = \"/none\"\n", "/none"),
        ] {
            assert!(read(text).expect_err(said).to_string().contains(said), "{said}");
        }
    }
}
