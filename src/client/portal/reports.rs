//! Reports of `crow listen` and `crow relay` to an observer (Portal API). They may be repeated: the observer stores each
//! item once.

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::wire::calls::CallReport;
use crate::wire::paths;
use crate::wire::receipts::ReceiptReport;
use crate::wire::reports::ReportReceived;

impl PlatformClient {
    /// Reports deliveries that a listener took and refused.
    ///
    /// # Errors
    /// [`Error`] when the observer cannot be reached, refuses the report, or gives an unreadable answer.
    pub async fn report_receipts(&self, report: &ReceiptReport) -> Result<ReportReceived, Error> {
        self.post(paths::RECEIPTS, report).await
    }

    /// Reports calls that a relay passed on.
    ///
    /// # Errors
    /// [`Error`] when the observer cannot be reached, refuses the report, or gives an unreadable answer.
    pub async fn report_calls(&self, report: &CallReport) -> Result<ReportReceived, Error> {
        self.post(paths::CALLS, report).await
    }
}
