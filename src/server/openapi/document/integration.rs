//! Descriptions of the routes of the Integration API.

use crate::domain::event::EventType;
use crate::wire::actions::{
    AffiliatePatch, ChangedStatus, ClientPatch, CreatedAffiliate, CreatedClient, CreatedNote, NewAffiliate, NewClient,
    NewLead, NewNote, SearchResult, StatusChange, UpdatedAffiliate, UpdatedClient,
};
use crate::wire::events::{Envelope, TestEvent};
use crate::wire::operation_doc::{NamedSchema, OperationDoc, ResponseBody, id, names, shape, text, time};
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::subscriptions::{
    CreatedSubscription, NewSubscription, Subscription, SubscriptionPatch, TestDelivery, TestResult,
};

/// Returns the descriptions of all routes for partners.
pub(super) fn routes() -> Vec<OperationDoc> {
    [events(), subscriptions(), leads(), clients(), affiliates()].into_iter().flatten().collect()
}

fn events() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::EVENTS,
            "pollEvents",
            "Events of the key's company, oldest first by default",
            "Page of event envelopes, with a cursor also when the page is empty",
            answer!(Page<Envelope>),
        )
        .with_query([
            names("type", "Event type to return; may be repeated", EventType::ALL.map(EventType::name)),
            time("since", "Start of the range: events created at or after this time"),
            time("until", "End of the range: events created before this time"),
            names("order", "Order by event ID; ascending if absent", ["asc", "desc"]),
        ])
        .paged(),
        OperationDoc::post(
            paths::EVENTS_TEST,
            "publishTestEvent",
            "Publish a test event, which is polled and delivered like any other",
            "The envelope of the published event",
            answer!(Envelope),
        )
        .with_body(shape!(TestEvent), r#"{"eventType": "client.created"}"#)
        .creates()
        .idempotent(),
    ]
}

fn subscriptions() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::SUBSCRIPTIONS,
            "listSubscriptions",
            "Subscriptions of the key's company",
            "Page of subscriptions, in ascending order of their IDs",
            answer!(Page<Subscription>),
        )
        .with_query([names("isEnabled", "Whether to return only enabled or only disabled ones", ["true", "false"])])
        .paged(),
        OperationDoc::get(
            paths::SUBSCRIPTION,
            "getSubscription",
            "One subscription of the key's company",
            "The requested subscription",
            answer!(Subscription),
        ),
        OperationDoc::post(
            paths::SUBSCRIPTIONS,
            "createSubscription",
            "Create a subscription; only this response carries the signing secret",
            "The new subscription with its signing secret",
            answer!(CreatedSubscription),
        )
        .with_body(
            shape!(NewSubscription),
            r#"{"targetUrl": "https://hooks.example.com/in", "eventTypes": ["lead.created"]}"#,
        )
        .creates()
        .idempotent(),
        OperationDoc::post(
            paths::SUBSCRIPTION,
            "changeSubscription",
            "Change a subscription; of one that a tool manages, only isEnabled",
            "The subscription after the change",
            answer!(Subscription),
        )
        .with_method("PATCH")
        .with_body(shape!(SubscriptionPatch), r#"{"isEnabled": true}"#),
        OperationDoc::get(
            paths::SUBSCRIPTION,
            "deleteSubscription",
            "Delete a subscription; its log stays readable",
            "The subscription is deleted; the response has no body",
            ResponseBody::Empty,
        )
        .deletes(),
        OperationDoc::post(
            paths::SUBSCRIPTION_TEST,
            "testOwnSubscription",
            "Send a sample event to a subscription at once",
            "Result of the test delivery, whether or not the target accepted it",
            answer!(TestResult),
        )
        .with_body(shape!(TestDelivery), r#"{"eventType": "lead.created"}"#),
    ]
}

const PERSON_EXAMPLE: &str = r#"{"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}"#;

fn change(path: &'static str, id: &'static str, summary: &'static str) -> OperationDoc {
    OperationDoc::post(path, id, summary, "ID of the record and time of the update", answer!(UpdatedClient))
        .with_method("PATCH")
        .with_body(shape!(ClientPatch), r#"{"city": "London"}"#)
}

fn change_status(path: &'static str, id: &'static str, summary: &'static str) -> OperationDoc {
    OperationDoc::post(path, id, summary, "Status before and after the change", answer!(ChangedStatus))
        .with_method("PATCH")
        .with_body(shape!(StatusChange), r#"{"new_status": "Lead - Contacted"}"#)
}

fn find(path: &'static str, name: &'static str, summary: &'static str) -> OperationDoc {
    OperationDoc::get(path, name, summary, "The matching record, or an empty list", answer!(SearchResult)).with_query([
        text("email", "Email address, compared exactly except for case"),
        text("phone", "Phone number, compared by its digits"),
        id("client_id", "ID of the client or lead"),
        text("external_id", "Partner's own id of the record"),
    ])
}

fn leads() -> Vec<OperationDoc> {
    vec![
        OperationDoc::post(
            paths::LEADS,
            "createLead",
            "Create Lead; answers with the existing record if the external id is known",
            "ID and status of the new lead",
            answer!(CreatedClient),
        )
        .with_body(shape!(NewLead), PERSON_EXAMPLE)
        .creates()
        .or_ok("ID and status of the existing record with the same external id")
        .idempotent(),
        change(paths::LEAD, "updateLead", "Update Lead"),
        change_status(paths::LEAD_STATUS, "updateLeadStatus", "Update Lead Status"),
        find(paths::LEAD_SEARCH, "findLead", "Find Lead: one record or none; requires at least one parameter"),
    ]
}

fn clients() -> Vec<OperationDoc> {
    vec![
        OperationDoc::post(
            paths::CLIENTS,
            "createClient",
            "Create Client; answers with the existing record if the external id is known",
            "ID and status of the new client",
            answer!(CreatedClient),
        )
        .with_body(shape!(NewClient), PERSON_EXAMPLE)
        .creates()
        .or_ok("ID and status of the existing record with the same external id")
        .idempotent(),
        change(paths::CLIENT, "updateClient", "Update Client"),
        change_status(paths::CLIENT_STATUS, "updateClientStatus", "Update Client Status"),
        find(paths::CLIENT_SEARCH, "searchClient", "Find Client: one record or none; requires at least one parameter"),
        find(paths::CLIENT_FIND, "findClient", "Find Client under its second documented path"),
        OperationDoc::post(
            paths::CLIENT_NOTES,
            "addClientNote",
            "Add Client Note",
            "ID of the new note and time of its creation",
            answer!(CreatedNote),
        )
        .with_body(shape!(NewNote), r#"{"text": "Called back"}"#)
        .creates()
        .or_ok("ID of the existing note with the same external id")
        .idempotent(),
    ]
}

fn affiliates() -> Vec<OperationDoc> {
    vec![
        OperationDoc::post(
            paths::AFFILIATES,
            "createAffiliate",
            "Create Affiliate",
            "ID of the new affiliate and time of its creation",
            answer!(CreatedAffiliate),
        )
        .with_body(shape!(NewAffiliate), r#"{"email": "max@example.com", "first_name": "Max", "last_name": "Rossi"}"#)
        .creates()
        .or_ok("ID of the existing affiliate with the same external id")
        .idempotent(),
        OperationDoc::post(
            paths::AFFILIATE,
            "updateAffiliate",
            "Update Affiliate",
            "ID of the affiliate and time of the update",
            answer!(UpdatedAffiliate),
        )
        .with_method("PATCH")
        .with_body(shape!(AffiliatePatch), r#"{"is_approved_affiliate": true}"#),
    ]
}
