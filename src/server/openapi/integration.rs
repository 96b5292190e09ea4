//! What is told about the Integration API.

use super::shape::{Answer, Repeats, Shape, Told, id, names, text, time};
use crate::api::actions::{
    AffiliatePatch, ChangedStatus, ClientPatch, CreatedAffiliate, CreatedClient, CreatedNote, Found, NewAffiliate,
    NewClient, NewLead, NewNote, StatusChange, UpdatedAffiliate, UpdatedClient,
};
use crate::api::events::{Envelope, TestEvent};
use crate::api::page::Page;
use crate::api::paths;
use crate::api::subscriptions::{
    CreatedSubscription, NewSubscription, Subscription, SubscriptionPatch, TestDelivery, TestResult,
};
use crate::domain::event::EventType;

macro_rules! json {
    ($shape:ident) => {
        Answer::Json(Shape::of::<$shape>(stringify!($shape)))
    };
    ($wrapper:ident<$row:ident>) => {
        Answer::Json(
            Shape::of::<$wrapper<$row>>(concat!(stringify!($wrapper), "_", stringify!($row)))
                .listing(Shape::of::<$row>(stringify!($row))),
        )
    };
}

macro_rules! body {
    ($shape:ident) => {
        Shape::of::<$shape>(stringify!($shape))
    };
}

/// Every route for partners.
pub(super) fn routes() -> Vec<Told> {
    [events(), subscriptions(), clients(), records()].into_iter().flatten().collect()
}

fn events() -> Vec<Told> {
    vec![
        Told::get(
            paths::EVENTS,
            "pollEvents",
            "Events of the key's company, oldest first unless asked otherwise",
            json!(Page<Envelope>),
        )
        .asked([
            names("type", "Only of this type; can be repeated", EventType::ALL.map(EventType::name)),
            time("since", "Created at or after this time"),
            time("until", "Created before this time"),
            names("order", "By number: ascending if absent", ["asc", "desc"]),
        ])
        .paged(),
        Told::post(
            paths::EVENTS_TEST,
            "publishTestEvent",
            "Publish a test event; it is polled and delivered",
            json!(Envelope),
        )
        .taking(body!(TestEvent), r#"{"eventType": "client.created"}"#)
        .creating()
        .repeatable(),
    ]
}

fn subscriptions() -> Vec<Told> {
    vec![
        Told::get(
            paths::SUBSCRIPTIONS,
            "listSubscriptions",
            "Subscriptions of the key's company",
            json!(Page<Subscription>),
        )
        .asked([names("isEnabled", "Only those that are, or are not", ["true", "false"])])
        .paged(),
        Told::get(paths::SUBSCRIPTION, "getSubscription", "One subscription of the key's company", json!(Subscription)),
        Told::post(
            paths::SUBSCRIPTIONS,
            "createSubscription",
            "Create a subscription; the signing secret is in this answer alone",
            json!(CreatedSubscription),
        )
        .taking(
            body!(NewSubscription),
            r#"{"targetUrl": "https://hooks.example.com/in", "eventTypes": ["lead.created"]}"#,
        )
        .creating()
        .repeatable(),
        Told::post(
            paths::SUBSCRIPTION,
            "changeSubscription",
            "Change a subscription; of one that a tool manages only isEnabled",
            json!(Subscription),
        )
        .by("PATCH")
        .taking(body!(SubscriptionPatch), r#"{"isEnabled": true}"#),
        Told {
            answers: vec![(204, Answer::Nothing)],
            ..Told::get(
                paths::SUBSCRIPTION,
                "deleteSubscription",
                "Delete a subscription; its log stays",
                Answer::Nothing,
            )
        }
        .by("DELETE"),
        Told::post(
            paths::SUBSCRIPTION_TEST,
            "testOwnSubscription",
            "Send a sample to a subscription now",
            json!(TestResult),
        )
        .taking(body!(TestDelivery), r#"{"eventType": "lead.created"}"#),
    ]
}

/// A create: 201, or 200 with the existing record.
fn create(told: Told, answer: &Answer) -> Told {
    Told { answers: [200, 201].map(|status| (status, answer.clone())).to_vec(), repeats: Repeats::Named, ..told }
}

fn clients() -> Vec<Told> {
    let lead = r#"{"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}"#;
    let status = |path, id, summary| {
        Told::post(path, id, summary, json!(ChangedStatus))
            .by("PATCH")
            .taking(body!(StatusChange), r#"{"new_status": "Lead - Contacted"}"#)
    };
    let change = |path, id, summary| {
        Told::post(path, id, summary, json!(UpdatedClient))
            .by("PATCH")
            .taking(body!(ClientPatch), r#"{"city": "London"}"#)
    };
    let found = |path, name, summary| {
        Told::get(path, name, summary, json!(Found)).asked([
            text("email", "Exact, but for the case of letters"),
            text("phone", "Compared by its digits"),
            id("client_id", "The client's number"),
            text("external_id", "The partner's own id"),
        ])
    };
    vec![
        create(
            Told::post(
                paths::LEADS,
                "createLead",
                "Create Lead; 200 with the existing record for a known external id",
                Answer::Object,
            )
            .taking(body!(NewLead), lead),
            &json!(CreatedClient),
        ),
        change(paths::LEAD, "updateLead", "Update Lead"),
        status(paths::LEAD_STATUS, "updateLeadStatus", "Update Lead Status"),
        found(paths::LEAD_SEARCH, "findLead", "Find Lead: one or none; at least one parameter"),
        create(
            Told::post(
                paths::CLIENTS,
                "createClient",
                "Create Client; 200 with the existing record for a known external id",
                Answer::Object,
            )
            .taking(body!(NewClient), lead),
            &json!(CreatedClient),
        ),
        change(paths::CLIENT, "updateClient", "Update Client"),
        status(paths::CLIENT_STATUS, "updateClientStatus", "Update Client Status"),
        found(paths::CLIENT_SEARCH, "searchClient", "Find Client: one or none; at least one parameter"),
        found(paths::CLIENT_FIND, "findClient", "Find Client under its other name"),
        create(
            Told::post(paths::CLIENT_NOTES, "addClientNote", "Add Client Note", Answer::Object)
                .taking(body!(NewNote), r#"{"text": "Called back"}"#),
            &json!(CreatedNote),
        ),
    ]
}

fn records() -> Vec<Told> {
    vec![
        create(
            Told::post(paths::AFFILIATES, "createAffiliate", "Create Affiliate", Answer::Object).taking(
                body!(NewAffiliate),
                r#"{"email": "max@example.com", "first_name": "Max", "last_name": "Rossi"}"#,
            ),
            &json!(CreatedAffiliate),
        ),
        Told::post(paths::AFFILIATE, "updateAffiliate", "Update Affiliate", json!(UpdatedAffiliate))
            .by("PATCH")
            .taking(body!(AffiliatePatch), r#"{"is_approved_affiliate": true}"#),
    ]
}
