//! Output of one item, as a document or as text.

use super::describe::describe;
use crate::cli::document::ObjectDocument;
use crate::cli::failure::CommandFailure;
use crate::cli::output;
use serde::Serialize;
use std::process::ExitCode;

/// Output format of one item.
#[derive(Debug, Clone, Copy)]
pub(super) enum ShowFormat {
    Text,
    Json,
}

impl ShowFormat {
    /// Returns the format that `--json` selects.
    pub(super) const fn from_json_flag(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Writes an item to stdout.
pub(super) fn write_item<T: Serialize>(
    schema: &'static str,
    item: &T,
    form: ShowFormat,
) -> Result<ExitCode, CommandFailure> {
    let document = ObjectDocument { schema, item };
    let text = match form {
        ShowFormat::Json => output::json(&document)?,
        ShowFormat::Text => {
            let value =
                serde_json::to_value(&document).map_err(|error| CommandFailure::failed(error.to_string(), ""))?;
            describe(&value)
        }
    };
    output::write(&text)?;
    Ok(ExitCode::SUCCESS)
}
