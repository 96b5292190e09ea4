//! The settler: gathers what landed, and writes it down in as few transactions as the disk asks for. While one is being written the next ones
//! gather, so that many that land at once cost little more than one.

use super::settle::{Flight, Told, settle};
use super::{Engine, Error};
use crate::domain::delivery::{FLIGHTS, Kind, Roll};
use crate::domain::ids::SubscriptionId;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The wait after storage failed.
const REST: Duration = Duration::from_secs(1);

/// What became of an attempt whose outcome was handed in.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) subscription: SubscriptionId,
    /// Or why it could not be written down.
    pub(super) told: Result<Told, String>,
}

/// Writes down what comes until nobody can send more. Each that came is reported on once, those that were written together at once.
pub(super) async fn run(
    engine: Engine,
    mut landed: mpsc::UnboundedReceiver<Flight>,
    reports: mpsc::UnboundedSender<Vec<Report>>,
) {
    let mut flights = Vec::with_capacity(FLIGHTS);
    while landed.recv_many(&mut flights, FLIGHTS).await > 0 {
        let done = engine.settle(std::mem::take(&mut flights).into()).await;
        // A dispatcher that has gone needs no reports.
        let _ = reports.send(done);
    }
}

impl Engine {
    /// Writes attempts down together; where that does not work for another reason than storage, each for itself, so that none holds up the
    /// others. What was sent and cannot be written down now is kept until it can: forgetting it would mean sending it again.
    async fn settle(&self, flights: Arc<[Flight]>) -> Vec<Report> {
        let together = self.settle_some(&flights, 0..flights.len()).await;
        let mut reports = Vec::with_capacity(flights.len());
        for (n, flight) in flights.iter().enumerate() {
            let told = match &together {
                Ok(believed) => Ok(believed[n]),
                Err(_) if flights.len() > 1 => self.settle_some(&flights, n..n + 1).await.map(|believed| believed[0]),
                Err(error) => Err(error.clone()),
            };
            if told == Ok(false) && flight.told() == Told::Theirs {
                tracing::warn!("an outcome came after its lease was lost and was not believed");
            }
            let told = told.map(|_| flight.told());
            reports.push(Report { subscription: flight.claimed.subscription, told });
        }
        self.changed();
        if flights.iter().any(|flight| flight.claimed.kind == Kind::Replay) {
            self.replan();
        }
        reports
    }

    async fn settle_some(&self, flights: &Arc<[Flight]>, which: Range<usize>) -> Result<Vec<bool>, String> {
        let shared = &self.shared;
        let rolls: Arc<[Roll]> = which.clone().map(|_| shared.ambient.roll()).collect();
        loop {
            let (flights, rolls, which, now) =
                (Arc::clone(flights), Arc::clone(&rolls), which.clone(), shared.ambient.now());
            let written = shared.store.record(move |connection| settle(connection, &flights[which], &rolls, now));
            match written.await.map_err(Error::from) {
                Err(Error::StorageFull | Error::Contended) => shared.ambient.sleep(REST).await,
                settled => return settled.map_err(|error| error.to_string()),
            }
        }
    }
}
