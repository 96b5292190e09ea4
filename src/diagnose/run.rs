//! Running a playbook.

use super::breaker;
use super::gather;
use crate::ambient::Ambient;
use crate::api::report::{Report, Subject, Topic};
use crate::client::connection::Client;

/// Runs a playbook over a subject, with read-only calls of the Portal API. Never fails: what could not be learnt becomes an unknown step.
pub async fn run(client: &Client, ambient: &Ambient, topic: Topic, subject: Subject) -> Report {
    match (topic, subject) {
        (Topic::Breaker, Subject::Subscription(id)) => breaker::check(id, &gather::breaker(client, ambient, id).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::report::Conclusion;
    use crate::client::connection::Credential;
    use crate::domain::ids::SubscriptionId;
    use crate::domain::secret::Secret;
    use crate::domain::time::Timestamp;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_platform_that_is_not_there_leaves_every_step_unknown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let ambient = Ambient::scripted(Timestamp::from_millis(0), 1);
        let token = Credential::Operator(Secret::new("token".to_owned()));
        let client = Client::new(&base, token).expect("a client");
        let subject = Subject::Subscription(SubscriptionId(7));
        let report = run(&client, &ambient, Topic::Breaker, subject).await;
        assert_eq!(report.conclusion(), Conclusion::NotRun);
        assert!(report.steps.iter().all(|step| step.verdict.why().is_some_and(|why| why.contains("cannot reach"))));
    }
}
