//! Performs what `update` asked for, with the platform's client. Changes are refused here when the console is read-only, whatever a screen says.

use super::console::Access;
use super::effect::{Act, Finished, Happening, Job, Known};
use crate::api::subscriptions::{ReplayChoice, TestResult};
use crate::client::connection::Client;
use crate::domain::ids::{EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::monitor::logs::{Ask, Came};
use crate::monitor::stretch::PAGE;

/// Attempts that are fetched with a subscription.
const N_ATTEMPTS: u32 = 20;

/// Calls the platform on behalf of the console.
#[derive(Debug, Clone)]
pub struct Performer {
    client: Client,
    access: Access,
}

impl Performer {
    /// Calls through `client`; makes changes only with [`Access::Act`].
    #[must_use]
    pub const fn new(client: Client, access: Access) -> Self {
        Self { client, access }
    }

    /// Does a job. Never fails: what went wrong is in the result.
    pub async fn perform(&self, job: Job) -> Finished {
        match job {
            Job::Subscription(id) => Finished::Subscription(id, self.subscription(id).await.map(Box::new)),
            Job::Attempt(id) => Finished::Attempt(id, self.client.attempt(id).await.map(Box::new).map_err(inert)),
            Job::Event(id) => Finished::Event(id, self.event(id).await.map(Box::new)),
            Job::Page(ask) => {
                let came = self.page(&ask).await.map(Box::new);
                Finished::Page(Box::new(ask), came)
            }
            Job::Act(act) => Finished::Act(act, self.act(act).await),
        }
    }

    async fn subscription(&self, id: SubscriptionId) -> Result<Known, String> {
        let row = self.client.subscription(id).await.map_err(inert)?;
        let attempts = self.client.attempts(Some(id), N_ATTEMPTS).await.map_err(inert)?.items;
        Ok(Known { row, attempts })
    }

    async fn event(&self, id: EventId) -> Result<Happening, String> {
        let event = self.client.event(id).await.map_err(inert)?;
        let trace = self.client.trace(id).await.map_err(inert)?;
        Ok(Happening { event, trace })
    }

    async fn page(&self, ask: &Ask) -> Result<Came, String> {
        let client = &self.client;
        let came = match ask {
            Ask::Attempts(query, toward) => client.attempt_log(query, toward.cursor(), PAGE).await.map(Came::Attempts),
            Ask::Events(query, toward) => client.event_log(query, toward.cursor(), PAGE).await.map(Came::Events),
            Ask::Requests(query, toward) => {
                let log = client.request_log(query, toward.cursor(), PAGE).await;
                log.map(|log| Came::Requests(log.page, log.last_hour))
            }
            Ask::Trips(query, toward) => client.trip_log(query, toward.cursor(), PAGE).await.map(Came::Trips),
        };
        came.map_err(inert)
    }

    async fn act(&self, act: Act) -> Result<String, String> {
        if self.access == Access::ReadOnly {
            return Err("read-only: nothing was done; start with --allow-actions".to_owned());
        }
        let failed = |error| format!("could not {}: {}", act.verb(), inert(error));
        match act {
            Act::Test(id) => self.client.test(id).await.map(|result| tested(id, &result)).map_err(failed)?,
            Act::Enable(id, replay) => {
                self.client.enable(id, replay).await.map_err(failed)?;
                Ok(match replay {
                    ReplayChoice::None => format!("subscription {id} is enabled"),
                    ReplayChoice::Skipped => format!("subscription {id} is enabled; what it missed is being delivered"),
                })
            }
            Act::Disable(id) => {
                let reason = "disabled from the console".to_owned();
                self.client.disable(id, Some(reason)).await.map_err(failed)?;
                Ok(format!("subscription {id} is disabled"))
            }
        }
    }
}

fn tested(id: SubscriptionId, result: &TestResult) -> Result<String, String> {
    let came = match (result.status_code, &result.error) {
        (Some(status), _) => format!("answered {status}"),
        (None, Some(error)) => format!("got no answer: {}", error.inert()),
        (None, None) => "got no answer".to_owned(),
    };
    let line = format!("the test to subscription {id} {came} in {} ms", result.elapsed_ms);
    if result.success { Ok(line) } else { Err(line) }
}

/// Errors repeat what others wrote.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn inert(error: crate::client::Error) -> String {
    Untrusted::new(error.to_string()).inert()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::client::connection::Credential;
    use crate::domain::secret::Secret;

    /// A performer whose platform does not exist: nothing listens on the port for discarding.
    pub(in crate::tui) fn without_platform(access: Access) -> Performer {
        let client = Client::new("http://127.0.0.1:9", Credential::Operator(Secret::new("none".to_owned())));
        Performer::new(client.expect("a client"), access)
    }

    #[tokio::test]
    async fn no_change_leaves_a_read_only_console() {
        let act = Act::Disable(SubscriptionId(1));
        let Finished::Act(_, Err(why)) = without_platform(Access::ReadOnly).perform(Job::Act(act)).await else {
            panic!("it was done");
        };
        assert!(why.starts_with("read-only"), "{why}");
        let Finished::Act(_, Err(why)) = without_platform(Access::Act).perform(Job::Act(act)).await else {
            panic!("it was done");
        };
        assert!(why.starts_with("could not disable subscription 1: cannot reach"), "{why}");
    }
}
