//! Operators.

use super::Error;
use super::connection::Client;
use crate::api::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::OperatorId;

impl Client {
    /// All operators, revoked ones too, oldest first.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn operators(&self) -> Result<Page<OperatorRow>, Error> {
        self.list(paths::OPERATORS).await
    }

    /// Creates an operator; the answer alone carries the token.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn create_operator(&self, new: &NewOperator) -> Result<CreatedOperator, Error> {
        self.post(paths::OPERATORS, new).await
    }

    /// Revokes an operator, for good; the answer says whether that is on disk.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn revoke_operator(&self, id: OperatorId) -> Result<RevokedOperator, Error> {
        self.post(&paths::with(paths::OPERATOR_REVOKE, id), &serde_json::json!({})).await
    }
}
