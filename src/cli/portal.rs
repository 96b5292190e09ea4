//! Connection for commands that need the Portal API, and so an operator token instead of a key.

use super::arguments::place::Remote;
use super::failure::Failure;
use super::remote;
use crate::client::connection::{ClientCredential, PlatformClient};

/// Connects to the chosen platform as an operator.
///
/// # Errors
///
/// [`Failure`] with exit code 2 when only a key of the Integration API is available.
pub(super) fn connect(remote: &Remote) -> Result<PlatformClient, Failure> {
    let client = remote::connect(remote)?;
    match client.credential() {
        ClientCredential::Operator(_) => Ok(client),
        ClientCredential::Key(_) => Err(Failure::usage(
            "not available with an API key: this needs an operator token of the Portal API",
            "give an operator token with --token-file F",
        )),
    }
}
