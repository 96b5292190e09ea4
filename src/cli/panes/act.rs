//! A change: what will come of it is said first; it is made when it is permitted and somebody says yes.

use super::show::{Form, show};
use crate::api::document::{ACT, Done};
use crate::cli::arguments::panes::Consent;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::client;
use crate::client::connection::Client;
use crate::domain::text::Untrusted;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// A change that is planned.
#[derive(Debug)]
pub(in crate::cli) struct Plan {
    /// What is to be done, as it would be said after "to".
    pub(in crate::cli) act: String,
    /// What will come of it, line by line.
    pub(in crate::cli) preview: Vec<String>,
}

/// What a change came to.
#[derive(Debug)]
pub(in crate::cli) struct Outcome {
    pub(in crate::cli) said: String,
    pub(in crate::cli) id: Option<i64>,
    pub(in crate::cli) end: End,
}

/// Whether what was wanted was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum End {
    Good,
    Bad,
}

impl Outcome {
    /// It was done.
    pub(in crate::cli) fn done(said: impl Into<String>) -> Self {
        Self { said: said.into(), id: None, end: End::Good }
    }
}

impl Plan {
    /// A change, and what will come of it.
    pub(in crate::cli) fn new(act: impl Into<String>, preview: Vec<String>) -> Self {
        Self { act: act.into(), preview }
    }

    /// Says what will come of it and asks; nothing if it may be done, else why not.
    pub(in crate::cli) fn refusal(&self, consent: &Consent) -> Result<Option<String>, Failure> {
        output::remark(&format!("to {}:", self.act));
        for line in &self.preview {
            output::remark(&format!("  {line}"));
        }
        if !consent.allow_actions {
            return Ok(Some("nothing was done, as this only looks; add --allow-actions to do it".to_owned()));
        }
        if consent.yes {
            return Ok(None);
        }
        if !std::io::stdin().is_terminal() {
            return Ok(Some("nothing was done, as nobody is there to be asked; add --yes to do it".to_owned()));
        }
        Ok((!is_agreed()?).then(|| "nothing was done".to_owned()))
    }

    /// Carries it out if it may be done, and tells what came of it.
    pub(in crate::cli) async fn carry_out(
        self,
        consent: &Consent,
        work: impl AsyncFnOnce(&Client) -> Result<Outcome, client::Error>,
        client: &Client,
    ) -> Result<ExitCode, Failure> {
        let form = Form::of(consent.look.json);
        let refusal = self.refusal(consent)?;
        let Self { act, preview } = self;
        if let Some(said) = refusal {
            if consent.look.json {
                show(ACT, &Done { act, preview, is_done: false, said, id: None }, form)?;
                return Ok(ExitCode::from(3));
            }
            return Err(Failure::undone(said));
        }
        let outcome = work(client).await?;
        if consent.look.json {
            show(ACT, &Done { act, preview, is_done: true, said: outcome.said, id: outcome.id }, form)?;
        } else {
            output::write(&outcome.said)?;
        }
        Ok(ExitCode::from(u8::from(outcome.end == End::Bad)))
    }
}

/// Asks on stderr and reads an answer; whatever is not a yes is a no.
fn is_agreed() -> Result<bool, Failure> {
    let refused = |error: std::io::Error| Failure::failed(format!("nobody can be asked: {error}"), "add --yes");
    let mut err = std::io::stderr();
    write!(err, "do it? [y/N] ").and_then(|()| err.flush()).map_err(refused)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(refused)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Text from outside, within a line of ours.
pub(in crate::cli) fn quoted(text: &Untrusted) -> String {
    format!("\"{}\"", text.inert())
}
