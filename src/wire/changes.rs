//! Routes of the Portal API that change the platform. One table declares the method, path, body and answer of each: the
//! server routes by the table, clients call by it, and the OpenAPI document describes it.

use super::alerts::{AcknowledgementRow, NewAcknowledgement};
use super::deliveries::DeliveryRow;
use super::events::{Envelope, NewEvent};
use super::keys::{CompanyRow, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RevokedKey};
#[cfg(test)]
use super::operation_doc::{OperationDoc, ResponseBody, shape};
use super::operators::{CreatedOperator, NewOperator, RevokedOperator};
use super::paths;
use super::replays::{NewReplay, ReplayPlan, ReplayRow};
use super::subscriptions::{
    DisableSubscription, EnableSubscription, RollbackRequest, SubscriptionRow, TestDelivery, TestResult,
};
use crate::domain::ids::{DeliveryId, KeyId, OperatorId, ReplayId, SubscriptionId};
use serde::Serialize;
use std::fmt::Display;
use std::marker::PhantomData;

/// HTTP method of a route that changes the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeMethod {
    /// Creates an object, or acts on one.
    Post,
    /// Changes parts of an object.
    Patch,
    /// Deletes an object; the request has no body.
    Delete,
}

impl ChangeMethod {
    /// Name of the method in a request.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Route that changes the platform, with the types of the number in its path, of its body and of its response.
#[derive(Debug)]
pub struct ChangeRoute<Id, Body, Answer> {
    /// HTTP method of the route.
    pub method: ChangeMethod,
    /// Path of the route, with `{id}` as placeholder of a number.
    pub path: &'static str,
    types: PhantomData<fn(Id, Body) -> Answer>,
}

/// Route that changes the platform, with the number in its path filled in.
#[derive(Debug)]
pub struct ChangeTarget<Body, Answer> {
    /// HTTP method of the call.
    pub method: ChangeMethod,
    /// Path of the call.
    pub path: String,
    types: PhantomData<fn(Body) -> Answer>,
}

impl<Id: Display, Body, Answer> ChangeRoute<Id, Body, Answer> {
    /// Returns the target of a call about the object with this number.
    #[must_use]
    pub fn at(&self, id: Id) -> ChangeTarget<Body, Answer> {
        ChangeTarget { method: self.method, path: paths::with_value(self.path, id), types: PhantomData }
    }
}

impl<Body, Answer> From<&ChangeRoute<(), Body, Answer>> for ChangeTarget<Body, Answer> {
    fn from(route: &ChangeRoute<(), Body, Answer>) -> Self {
        Self { method: route.method, path: route.path.to_owned(), types: PhantomData }
    }
}

/// Body of a change that takes no values: an empty object.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NoBody {}

/// Declares routes. The documentation of a route is its summary in the OpenAPI document. Its operation ID, an example of
/// its body, the contents of its response and its particulars follow the path.
macro_rules! change_routes {
    ($(
        #[doc = $summary:literal]
        $name:ident: ($id:ty, $body:ty) -> $answer:ty = $method:ident $path:expr,
            $operation:literal $(takes $example:literal)?, $description:literal $(, $particular:ident($($text:literal)?))*;
    )+) => {
        $(
            #[doc = $summary]
            pub const $name: ChangeRoute<$id, $body, $answer> =
                ChangeRoute { method: ChangeMethod::$method, path: $path, types: PhantomData };
        )+

        /// Returns the descriptions of all routes that change the platform.
        #[cfg(test)]
        pub(crate) fn operation_docs() -> Vec<OperationDoc> {
            vec![$(
                OperationDoc::post($path, $operation, $summary.trim(), $description, ResponseBody::Json(shape!($answer)))
                    .with_method(ChangeMethod::$method.name())
                    $(.with_body(shape!($body), $example))?
                    $(.$particular($($text)?))*,
            )+]
        }
    };
}

change_routes! {
    /// Create a company, a tenant of the platform
    CREATE_COMPANY: ((), NewCompany) -> CompanyRow = Post paths::COMPANIES,
        "createCompany" takes r#"{"name": "Acme Credit"}"#, "The new company", creates();
    /// Create an API key; only this response carries the key itself
    CREATE_KEY: ((), NewKey) -> CreatedKey = Post paths::KEYS,
        "createKey" takes r#"{"companyId": 1, "name": "Zapier", "scopes": ["events:read", "webhooks:write"]}"#,
        "The new key, in full", creates();
    /// Revoke an API key, permanently and at once
    REVOKE_KEY: (KeyId, NoBody) -> RevokedKey = Post "/portal/v1/keys/{id}/revoke",
        "revokeKey", "The revoked key";
    /// Change the rate limits of a key; null restores the default, absent limits are kept
    LIMIT_KEY: (KeyId, LimitsPatch) -> KeyRow = Patch "/portal/v1/keys/{id}/limits",
        "limitKey" takes r#"{"read": 120, "write": null}"#, "The key with its new limits";
    /// Create an operator; only this response carries the token
    CREATE_OPERATOR: ((), NewOperator) -> CreatedOperator = Post paths::OPERATORS,
        "createOperator" takes r#"{"name": "Grace", "role": "viewer"}"#, "The new operator with the token", creates();
    /// Revoke an operator, permanently and at once; the last admin cannot be revoked
    REVOKE_OPERATOR: (OperatorId, NoBody) -> RevokedOperator = Post "/portal/v1/operators/{id}/revoke",
        "revokeOperator", "The revoked operator";
    /// Acknowledge an alert, for 24 hours or until its severity increases
    ACKNOWLEDGE_ALERT: ((), NewAcknowledgement) -> AcknowledgementRow = Post paths::ACKNOWLEDGEMENTS,
        "acknowledgeAlert" takes r#"{"subject": "subscription 17", "state": "err", "note": "the partner knows"}"#,
        "The recorded acknowledgement", creates();
    /// Delete a subscription, including one that a tool manages; its log stays readable
    DELETE_SUBSCRIPTION: (SubscriptionId, NoBody) -> () = Delete paths::PORTAL_SUBSCRIPTION,
        "removeSubscription", "The subscription is deleted; the response has no body", deletes();
    /// Send a sample event at once; affects neither breaker nor success rates
    TEST_SUBSCRIPTION: (SubscriptionId, TestDelivery) -> TestResult = Post "/portal/v1/subscriptions/{id}/test",
        "testSubscription" takes r#"{"eventType": "lead.created"}"#,
        "Result of the test delivery, whether or not the target accepted it";
    /// Enable a subscription; resets its failures in a row and resumes deliveries on hold
    ENABLE_SUBSCRIPTION: (SubscriptionId, EnableSubscription) -> SubscriptionRow =
        Post "/portal/v1/subscriptions/{id}/enable",
        "enableSubscription" takes r#"{"replay": "missed"}"#, "The subscription after it was enabled";
    /// Disable a subscription and put its pending deliveries on hold; a reason marks it as intentionally off
    DISABLE_SUBSCRIPTION: (SubscriptionId, DisableSubscription) -> SubscriptionRow =
        Post "/portal/v1/subscriptions/{id}/disable",
        "disableSubscription" takes r#"{"reason": "the partner asked for it"}"#,
        "The subscription after it was disabled";
    /// Restore an earlier configuration as a new revision
    ROLL_BACK_SUBSCRIPTION: (SubscriptionId, RollbackRequest) -> SubscriptionRow =
        Post "/portal/v1/subscriptions/{id}/rollback",
        "rollBackSubscription" takes r#"{"revision": 1}"#, "The subscription with the restored configuration";
    /// Deliver the selected deliveries again, each once, at a limited rate; a dry run only counts them
    REPLAY_SUBSCRIPTION: (SubscriptionId, NewReplay) -> ReplayPlan = Post "/portal/v1/subscriptions/{id}/replay",
        "replaySubscription" takes r#"{"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "states": ["missed", "exhausted"], "dryRun": true}"#,
        "Counts of the selected deliveries, and the replay that was created", creates(),
        or_ok("Counts of the deliveries that a dry run selected; no replay was created");
    /// Pause a replay; one that has ended is left unchanged
    PAUSE_REPLAY: (ReplayId, NoBody) -> ReplayRow = Post "/portal/v1/replays/{id}/pause",
        "pauseReplay", "The replay, paused or ended";
    /// Resume a paused replay; one that has ended is left unchanged
    RESUME_REPLAY: (ReplayId, NoBody) -> ReplayRow = Post "/portal/v1/replays/{id}/resume",
        "resumeReplay", "The replay, running or ended";
    /// Cancel a replay permanently; deliveries that it has queued are still sent
    CANCEL_REPLAY: (ReplayId, NoBody) -> ReplayRow = Post "/portal/v1/replays/{id}/cancel",
        "cancelReplay", "The replay, cancelled or finished before";
    /// Resend a delivery once, whatever its state; affects neither breaker nor success rates. A success ends the delivery, a failure leaves it unchanged
    RESEND_DELIVERY: (DeliveryId, NoBody) -> DeliveryRow = Post "/portal/v1/deliveries/{id}/resend",
        "resendDelivery", "The delivery whose resend was queued", accepts();
    /// Publish an event as the CRM would; a sample if no payload is given
    EMIT_EVENT: ((), NewEvent) -> Envelope = Post paths::PORTAL_EVENTS,
        "emitEvent" takes r#"{"companyId": 1, "type": "lead.created"}"#, "The envelope of the published event", creates();
}
