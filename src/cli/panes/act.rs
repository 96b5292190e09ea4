//! Changes: each one is described first, and made only if it is permitted and confirmed.

use super::show::{ShowFormat, write_item};
use crate::cli::arguments::panes::ConfirmArgs;
use crate::cli::document::{CHANGE_DOCUMENT, ChangeResult};
use crate::cli::failure::CommandFailure;
use crate::cli::{output, remote};
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::text::Untrusted;
use crate::sync::platform_change::{ChangeOutcome, ChangeStatus, PlatformChange};
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Change that is planned but not made yet.
#[derive(Debug)]
pub(in crate::cli) struct PlannedChange {
    /// Description of the change, worded to follow "to".
    pub(in crate::cli) act: String,
    /// Effects of the change, one per line.
    pub(in crate::cli) preview: Vec<String>,
    /// Number of things that the change affects.
    n_things: u64,
}

impl PlannedChange {
    /// Creates a plan of a change that affects one thing.
    pub(in crate::cli) fn new(act: impl Into<String>, preview: Vec<String>) -> Self {
        Self { act: act.into(), preview, n_things: 1 }
    }

    /// Sets the number of things that the change affects.
    pub(in crate::cli) fn affecting(self, n_things: u64) -> Self {
        Self { n_things, ..self }
    }

    /// Describes the change and asks for confirmation. Returns `None` if the change may be made, otherwise the reason
    /// why not. On a production platform, and if more than one thing is affected, the number must be typed, as in the
    /// console.
    pub(in crate::cli) fn confirm(&self, consent: &ConfirmArgs) -> Result<Option<String>, CommandFailure> {
        output::remark(&format!("to {}:", self.act));
        for line in &self.preview {
            output::remark(&format!("  {line}"));
        }
        if !consent.allow_actions {
            return Ok(Some("nothing was changed; add --allow-actions to make the change".to_owned()));
        }
        let n = self.n_things;
        let is_production = remote::is_production(&consent.look.remote)?;
        match (is_production, consent.count) {
            (_, Some(count)) if count != n => {
                return Ok(Some(format!("nothing was changed: this affects {n}, but --count says {count}")));
            }
            (true, None) if consent.yes => {
                let why = format!("nothing was changed: production platform; confirm with --count {n}");
                return Ok(Some(why));
            }
            _ if consent.yes || (is_production && consent.count.is_some()) => return Ok(None),
            _ => {}
        }
        if !std::io::stdin().is_terminal() {
            let how = if is_production { format!("--count {n}") } else { "--yes".to_owned() };
            return Ok(Some(format!("nothing was changed: no terminal to confirm on; add {how}")));
        }
        let is_agreed = if is_production || n > 1 {
            prompt_line(&format!("this affects {n}; type {n} to confirm: "))? == n.to_string()
        } else {
            matches!(prompt_line("continue? [y/N] ")?.to_ascii_lowercase().as_str(), "y" | "yes")
        };
        Ok((!is_agreed).then(|| "nothing was changed".to_owned()))
    }

    /// Makes the change if it is permitted and confirmed, and reports the result.
    pub(in crate::cli) async fn confirm_and_run(
        self,
        consent: &ConfirmArgs,
        work: impl AsyncFnOnce(&PlatformClient) -> Result<ChangeOutcome, client::Error>,
        client: &PlatformClient,
    ) -> Result<ExitCode, CommandFailure> {
        let form = ShowFormat::from_json_flag(consent.look.json);
        let refusal = self.confirm(consent)?;
        let Self { act, preview, .. } = self;
        if let Some(said) = refusal {
            if consent.look.json {
                write_item(CHANGE_DOCUMENT, &ChangeResult { act, preview, is_done: false, said, id: None }, form)?;
                return Ok(ExitCode::from(3));
            }
            return Err(CommandFailure::not_made(said));
        }
        let outcome = work(client).await?;
        if consent.look.json {
            write_item(
                CHANGE_DOCUMENT,
                &ChangeResult { act, preview, is_done: true, said: outcome.message, id: outcome.id },
                form,
            )?;
        } else {
            output::write(&outcome.message)?;
        }
        Ok(ExitCode::from(u8::from(outcome.status == ChangeStatus::Failed)))
    }
}

/// Makes a change if it is permitted and confirmed, and reports the result.
pub(super) async fn make(
    change: &PlatformChange,
    preview: Vec<String>,
    consent: &ConfirmArgs,
    client: &PlatformClient,
) -> Result<ExitCode, CommandFailure> {
    let plan = PlannedChange::new(change.description(), preview).affecting(change.n_things());
    plan.confirm_and_run(consent, async |client: &PlatformClient| change.make(client).await, client).await
}

/// Asks on stderr and reads a line from standard input.
fn prompt_line(question: &str) -> Result<String, CommandFailure> {
    let refused = |error: std::io::Error| {
        CommandFailure::failed(
            format!("cannot ask for confirmation: {error}"),
            "confirm with --yes, or --count N on a production platform",
        )
    };
    let mut err = std::io::stderr();
    write!(err, "{question}").and_then(|()| err.flush()).map_err(refused)?;
    Ok(output::read_line().map_err(refused)?.trim().to_owned())
}

/// Quotes text from outside within a line, with control characters removed.
pub(in crate::cli) fn quoted(text: &Untrusted) -> String {
    format!("\"{}\"", text.sanitized())
}
