//! Changes: each one is described first, and made only if it is permitted and confirmed.

use super::show::{Form, show};
use crate::api::document::{CHANGE_DOCUMENT, ChangeResult};
use crate::cli::arguments::panes::Consent;
use crate::cli::failure::Failure;
use crate::cli::{output, remote};
use crate::client;
use crate::client::connection::PlatformClient;
use crate::domain::text::Untrusted;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Change that is planned but not made yet.
#[derive(Debug)]
pub(in crate::cli) struct Plan {
    /// Description of the change, worded to follow "to".
    pub(in crate::cli) act: String,
    /// Effects of the change, one per line.
    pub(in crate::cli) preview: Vec<String>,
    /// Number of things that the change affects.
    n_things: u64,
}

/// Result of a change, as it is reported.
#[derive(Debug)]
pub(in crate::cli) struct Outcome {
    pub(in crate::cli) said: String,
    pub(in crate::cli) id: Option<i64>,
    pub(in crate::cli) end: End,
}

/// Whether the change achieved what was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum End {
    Good,
    Bad,
}

impl Outcome {
    /// Creates the result of a change that succeeded.
    pub(in crate::cli) fn done(said: impl Into<String>) -> Self {
        Self { said: said.into(), id: None, end: End::Good }
    }
}

impl Plan {
    /// Creates a plan of a change that affects one thing.
    pub(in crate::cli) fn new(act: impl Into<String>, preview: Vec<String>) -> Self {
        Self { act: act.into(), preview, n_things: 1 }
    }

    /// Sets the number of things that the change affects.
    pub(in crate::cli) fn of(self, n_things: u64) -> Self {
        Self { n_things, ..self }
    }

    /// Describes the change and asks for confirmation. Returns `None` if the change may be made, otherwise the reason
    /// why not. On a production platform, and if more than one thing is affected, the number must be typed, as in the
    /// console.
    pub(in crate::cli) fn refusal(&self, consent: &Consent) -> Result<Option<String>, Failure> {
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
            answered(&format!("this affects {n}; type {n} to confirm: "))? == n.to_string()
        } else {
            matches!(answered("continue? [y/N] ")?.to_ascii_lowercase().as_str(), "y" | "yes")
        };
        Ok((!is_agreed).then(|| "nothing was changed".to_owned()))
    }

    /// Makes the change if it is permitted and confirmed, and reports the result.
    pub(in crate::cli) async fn carry_out(
        self,
        consent: &Consent,
        work: impl AsyncFnOnce(&PlatformClient) -> Result<Outcome, client::Error>,
        client: &PlatformClient,
    ) -> Result<ExitCode, Failure> {
        let form = Form::of(consent.look.json);
        let refusal = self.refusal(consent)?;
        let Self { act, preview, .. } = self;
        if let Some(said) = refusal {
            if consent.look.json {
                show(CHANGE_DOCUMENT, &ChangeResult { act, preview, is_done: false, said, id: None }, form)?;
                return Ok(ExitCode::from(3));
            }
            return Err(Failure::undone(said));
        }
        let outcome = work(client).await?;
        if consent.look.json {
            show(
                CHANGE_DOCUMENT,
                &ChangeResult { act, preview, is_done: true, said: outcome.said, id: outcome.id },
                form,
            )?;
        } else {
            output::write(&outcome.said)?;
        }
        Ok(ExitCode::from(u8::from(outcome.end == End::Bad)))
    }
}

/// Asks on stderr and reads a line from standard input.
fn answered(question: &str) -> Result<String, Failure> {
    let refused = |error: std::io::Error| {
        Failure::failed(
            format!("cannot ask for confirmation: {error}"),
            "confirm with --yes, or --count N on a production platform",
        )
    };
    let mut err = std::io::stderr();
    write!(err, "{question}").and_then(|()| err.flush()).map_err(refused)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(refused)?;
    Ok(answer.trim().to_owned())
}

/// Quotes text from outside within a line, with control characters removed.
pub(in crate::cli) fn quoted(text: &Untrusted) -> String {
    format!("\"{}\"", text.sanitized())
}
