//! Panes 9 and 0: what keys ask for, and what is shown of what came.

use super::fixture::Bench;
use crate::api::report::{Cause, Evidence, Report, Step, Subject, Topic, Verdict};
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use crate::tui::app::Msg;
use crate::tui::consult::Consulted;
use crate::tui::effect::{Effect, Finished, Job};

fn report(subject: Subject) -> Report {
    let evidence = Evidence {
        query: "subscription 23: failures in a row, GET /portal/v1/subscriptions".to_owned(),
        value: "13".into(),
        limit: Some("3; trips at 20".to_owned()),
        at_utc: Timestamp::from_millis(0),
    };
    let step = |id: &str, verdict| Step {
        id: id.to_owned(),
        question: "Do the endpoints take what they get?".to_owned(),
        verdict,
        evidence: vec![evidence.clone()],
    };
    Report {
        topic: Topic::WebhooksNotArriving,
        subject,
        at_utc: Timestamp::from_millis(0),
        causes: vec![Cause {
            id: "endpoint-500".to_owned(),
            title: "subscription 23: the endpoint answers with an error \u{1b}[2J (500 \u{d7}13)".to_owned(),
            evidence: Vec::new(),
            resolution: "Ask the owner of the endpoint.".to_owned(),
            offers: Vec::new(),
        }],
        steps: vec![step("a", Verdict::Fail), step("b", Verdict::Unknown("the platform went away".to_owned()))],
    }
}

#[test]
fn playbooks_that_fit_the_selection_are_run_and_opened() {
    let mut bench = Bench::new(120, 36);
    bench.press("3jP");
    let subject = Subject::Subscription(SubscriptionId(23));
    assert!(bench.screen().contains("9 Diagnose, over subscription 23"), "{}", bench.screen());
    let asked = Effect::Perform(Job::Playbook(Topic::WebhooksNotArriving, subject));
    assert_eq!(bench.press("\n"), std::slice::from_ref(&asked));
    assert!(bench.screen().contains("asking the platform"));
    assert_eq!(bench.press("\n"), [], "it is asked once");
    bench.tell(Msg::Finished(Finished::Consulted(Box::new(Consulted::Report(Box::new(report(subject)))))));
    assert!(bench.screen().contains("1 cause: endpoint-500"), "{}", bench.screen());
    bench.press("\n");
    let screen = bench.screen();
    for part in [
        "1. subscription 23: the endpoint answers",
        "Ask the owner",
        "unknown",
        "the platform went away",
        "(limit 3; trips at 20)",
    ] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    assert!(!screen.contains('\u{1b}'));
    bench.press("\u{1b}");
    assert!(bench.screen().contains("1 cause: endpoint-500"), "one layer back, to the list");
    assert_eq!(bench.press("r"), [asked], "again on demand");
    bench.press("\u{1b}9");
    assert!(bench.screen().contains("over everything") && bench.screen().contains("key-not-working"));
}

#[test]
fn a_bundle_is_collected_shown_and_written_only_after_a_question() {
    let mut bench = Bench::new(120, 36);
    assert_eq!(bench.press("3j0"), [Effect::Perform(Job::Bundle(Subject::Subscription(SubscriptionId(23))))]);
    assert!(bench.screen().contains("0 Escalate: the bundle about subscription 23"), "{}", bench.screen());
    bench.press("W");
    assert!(bench.screen().contains("there is nothing to write"), "{}", bench.screen());
    let refused = Consulted::Bundle(Err(
        "nothing was written: ticket.json at /failures/0/body would carry a known secret".to_owned(),
    ));
    bench.tell(Msg::Finished(Finished::Consulted(Box::new(refused))));
    assert!(bench.screen().contains("/failures/0/body"), "{}", bench.screen());
    assert_eq!(bench.press("W"), []);
    assert_eq!(bench.press("y"), [], "nothing was asked");
}
