//! A platform that runs elsewhere: its address and the token, from a file and never from the arguments.

use super::arguments::place::Remote;
use super::failure::Failure;
use crate::client::connection::{Client, Credential};
use crate::domain::secret::Secret;
use std::path::Path;

/// A client for the platform that was named.
pub(super) fn connect(remote: &Remote) -> Result<Client, Failure> {
    let token = read_token(&remote.token_file)?;
    Client::new(&remote.url, Credential::Operator(token))
        .map_err(|error| Failure::usage(error.to_string(), "check --url and --token-file"))
}

/// The token in a file, alone on a line.
fn read_token(path: &Path) -> Result<Secret, Failure> {
    let refused = |why: &str| {
        Failure::usage(format!("{}: {why}", path.display()), "give the file that holds an operator's token")
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(&error.to_string()))?;
    let token = text.trim();
    if !token.starts_with("wlop_") || token.contains(char::is_whitespace) {
        return Err(refused("there is no operator token in it"));
    }
    Ok(Secret::new(token.to_owned()))
}
