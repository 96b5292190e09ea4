//! What is told about the Integration API.

use super::shape::{Answer, Shape, Told};
use crate::api::actions::{CreatedClient, NewLead};
use crate::api::events::{Envelope, TestEvent};
use crate::api::page::Page;
use crate::api::paths;
use crate::api::subscriptions::{CreatedSubscription, NewSubscription, Subscription};

/// Every route for partners.
pub(super) fn routes() -> Vec<Told> {
    let subscription = || Answer::Json(Shape::of::<Subscription>("Subscription"));
    vec![
        Told::get(
            paths::EVENTS,
            "pollEvents",
            "Events of the key's company, ascending",
            Answer::Json(Shape::of::<Page<Envelope>>("Page_Envelope").listing(Shape::of::<Envelope>("Envelope"))),
        )
        .paged(),
        Told::post(
            paths::EVENTS_TEST,
            "publishTestEvent",
            "Publish a test event; it is polled and delivered",
            Answer::Json(Shape::of::<Envelope>("Envelope")),
        )
        .taking(Shape::of::<TestEvent>("TestEvent"), r#"{"eventType": "client.created"}"#)
        .creating(),
        Told::get(
            paths::SUBSCRIPTIONS,
            "listSubscriptions",
            "Subscriptions of the key's company",
            Answer::Json(
                Shape::of::<Page<Subscription>>("Page_Subscription").listing(Shape::of::<Subscription>("Subscription")),
            ),
        ),
        Told::get(paths::SUBSCRIPTION, "getSubscription", "One subscription of the key's company", subscription()),
        Told::post(
            paths::SUBSCRIPTIONS,
            "createSubscription",
            "Create a subscription; the signing secret is in this answer alone",
            Answer::Json(Shape::of::<CreatedSubscription>("CreatedSubscription")),
        )
        .taking(
            Shape::of::<NewSubscription>("NewSubscription"),
            r#"{"targetUrl": "https://hooks.example.com/in", "eventTypes": ["lead.created"]}"#,
        )
        .creating(),
        Told {
            answers: [200, 201]
                .map(|status| (status, Answer::Json(Shape::of::<CreatedClient>("CreatedClient"))))
                .to_vec(),
            ..Told::post(
                paths::LEADS,
                "createLead",
                "Create Lead; 200 with the existing record where the external id was there already",
                Answer::Object,
            )
            .taking(
                Shape::of::<NewLead>("NewLead"),
                r#"{"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}"#,
            )
        },
    ]
}
