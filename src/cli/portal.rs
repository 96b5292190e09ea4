//! Connection for commands that need the Portal API, and so an operator token instead of a key.

use super::arguments::target::TargetArgs;
use super::failure::CommandFailure;
use super::remote;
use crate::client::connection::{ClientCredential, PlatformClient};

/// Connects to the chosen platform as an operator.
///
/// # Errors
///
/// [`CommandFailure`] with exit code 2 when only a key of the Integration API is available.
pub(super) fn connect_operator(remote: &TargetArgs) -> Result<PlatformClient, CommandFailure> {
    let client = remote::connect(remote)?;
    match client.credential() {
        ClientCredential::Operator(_) => Ok(client),
        ClientCredential::Key(_) => Err(CommandFailure::usage(
            "not available with an API key: this needs an operator token of the Portal API",
            "give an operator token with --token-file F",
        )),
    }
}
