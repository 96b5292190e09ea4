//! What needs the Portal API: an operator, and not a key alone.

use super::arguments::place::Remote;
use super::failure::Failure;
use super::remote;
use crate::client::connection::{Client, Credential};

/// A client of an operator for the platform that was named.
pub(super) fn connect(remote: &Remote) -> Result<Client, Failure> {
    let client = remote::connect(remote)?;
    match client.credential() {
        Credential::Operator(_) => Ok(client),
        Credential::Key(_) => Err(Failure::usage(
            "a key of the Integration API cannot be asked this: it takes an operator of the Portal API",
            "give an operator's token with --token-file F",
        )),
    }
}
