//! The real binary where the system can be made to fail it, and receivers that keep a ledger.

use super::disk::Shim;
use super::ledger::Ledger;
use super::process::{Serving, subscription};
use crow::client::connection::PlatformClient;
use crow::domain::ids::CompanyId;
use std::path::PathBuf;
use tempfile::TempDir;

/// A platform behind a shim, with a company and its subscriptions.
pub(crate) struct Scene {
    pub(crate) home: TempDir,
    pub(crate) shim: Shim,
    pub(crate) ledger: Ledger,
    pub(crate) serving: Serving,
    pub(crate) company: CompanyId,
    pub(crate) partner: PlatformClient,
}

impl Scene {
    /// With as many subscriptions, numbered from 1 at the ledger.
    pub(crate) async fn start(n_subscriptions: i64) -> Self {
        let home = TempDir::new().expect("a directory");
        let dir = home.path().join("data");
        let shim = Shim::build(home.path(), &dir);
        let ledger = Ledger::start().await;
        let serving = Serving::with(&dir, |command| shim.under(command));
        let (company, partner) = serving.company().await;
        for number in 1..=n_subscriptions {
            partner.create_subscription(&subscription(&ledger.url(number))).await.expect("a subscription");
        }
        Self { home, shim, ledger, serving, company: company.id, partner }
    }

    /// Returns the data directory of the platform.
    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("data")
    }
}
