//! Calls about operators and their tokens (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::OperatorId;
use crate::wire::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::wire::page::Page;
use crate::wire::paths;

impl PlatformClient {
    /// Lists all operators including revoked ones, oldest first.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn operators(&self) -> Result<Page<OperatorRow>, Error> {
        self.list(paths::OPERATORS).await
    }

    /// Creates an operator; only this answer carries the token.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_operator(&self, new: &NewOperator) -> Result<CreatedOperator, Error> {
        self.post(paths::OPERATORS, new).await
    }

    /// Revokes an operator permanently; the answer says whether the revocation is on disk.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn revoke_operator(&self, id: OperatorId) -> Result<RevokedOperator, Error> {
        self.post(&paths::with_value(paths::OPERATOR_REVOKE, id), &serde_json::json!({})).await
    }
}
