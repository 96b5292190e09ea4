//! Rate windows under many tasks and restarts.

use super::Partner;
use crow::domain::scope::KeyScope;
use crow::wire::keys::RequestedLimits;
use futures_util::future::join_all;
use std::time::Duration;

#[tokio::test]
async fn sixty_four_tasks_and_restarts_never_exceed_the_rate_limit_of_a_window() {
    const LIMIT: u32 = 150;
    let mut partner = Partner::start().await;
    let limits = RequestedLimits { read: Some(LIMIT), ..RequestedLimits::default() };
    let key = partner.platform.key_with(&partner.company, &[KeyScope::EventsRead], limits).await;
    for window in 0..2 {
        let mut admitted = 0;
        for _ in 0..3 {
            let headers = [("x-api-key", key.reveal())];
            let calls = (0..64).map(|_| partner.platform.call("GET", "/api/v1/events?limit=1", &headers, None));
            for answer in join_all(calls).await {
                let number = |name| answer.header(name).parse::<i64>().expect("a number");
                assert_eq!((number("x-ratelimit-limit"), answer.header("x-ratelimit-policy")), (150, "read:150/1m"));
                let reset = number("x-ratelimit-reset");
                assert!(reset % 60 == 0 && reset > partner.platform.ambient.now().seconds());
                match answer.status {
                    200 => admitted += 1,
                    429 => assert_eq!((number("x-ratelimit-remaining"), number("retry-after")), (0, 50)),
                    other => panic!("{other}"),
                }
            }
            partner.platform = partner.platform.restart().await;
        }
        assert_eq!(admitted, LIMIT, "window {window}");
        let headers = [("x-api-key", key.reveal())];
        let refused = partner.platform.call("GET", "/api/v1/events", &headers, None).await;
        assert_eq!(refused.status, 429);
        partner.platform.advance(Duration::from_secs(refused.header("retry-after").parse().expect("seconds")));
        let waited = partner.platform.call("GET", "/api/v1/events", &headers, None).await;
        assert_eq!((waited.status, waited.header("x-ratelimit-remaining")), (200, "149"));
        partner.platform.advance(Duration::from_secs(70));
    }
}
