//! Output of one item, as a document or as text.

use super::describe::describe;
use crate::api::document::ObjectDocument;
use crate::cli::failure::Failure;
use crate::cli::output;
use serde::Serialize;
use std::process::ExitCode;

/// Output format of one item.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Text,
    Json,
}

impl Form {
    /// Returns the format that `--json` selects.
    pub(super) const fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Writes an item to stdout.
pub(super) fn show<T: Serialize>(schema: &'static str, item: &T, form: Form) -> Result<ExitCode, Failure> {
    let document = ObjectDocument { schema, item };
    let text = match form {
        Form::Json => output::json(&document)?,
        Form::Text => {
            let value = serde_json::to_value(&document).map_err(|error| Failure::failed(error.to_string(), ""))?;
            describe(&value)
        }
    };
    output::write(&text)?;
    Ok(ExitCode::SUCCESS)
}
