//! Errors on the wire: `application/problem+json` (RFC 9457) with a closed set of codes. `docs/internals/contract.md`
//! lists when each is answered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Media type of every error body.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Machine-readable cause of a refused or failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// 400: the request is not valid HTTP.
    MalformedRequest,
    /// 400: the body is not valid JSON.
    MalformedJson,
    /// 400: a value is missing, of the wrong type or out of range.
    ValidationFailed,
    /// 400: the cursor was not issued by this platform, or for other filters.
    InvalidCursor,
    /// 401: the request carries no key where one is required.
    MissingKey,
    /// 401: the text sent cannot be a key.
    MalformedKey,
    /// 401: the platform does not know the key.
    UnknownKey,
    /// 401: the key has been revoked.
    RevokedKey,
    /// 401: the operator token is missing or not known to this platform.
    UnknownOperator,
    /// 403: the operator's role does not permit the call.
    InsufficientRole,
    /// 403: the key lacks a scope that the call requires.
    InsufficientScope,
    /// 403: the addressed object belongs to another company.
    OtherCompany,
    /// 403: a tool manages the subscription, so that only `isEnabled` may be changed.
    ManagedSubscription,
    /// 404: the path or the id is unknown.
    NotFound,
    /// 405: the path does not support the method.
    MethodNotAllowed,
    /// 406: the response cannot be given in an accepted media type.
    NotAcceptable,
    /// 413: the body exceeds the size limit.
    PayloadTooLarge,
    /// 414: the request target exceeds the length limit.
    UriTooLong,
    /// 415: the body's media type or encoding is not supported.
    UnsupportedMediaType,
    /// 421: the `Host` header names a server that this one is not.
    MisdirectedRequest,
    /// 431: the request headers exceed the size limit.
    HeadersTooLarge,
    /// 409: the idempotency key was used before with another body.
    IdempotencyConflict,
    /// 409: a call with this idempotency key is still in progress. The standalone platform never answers this: the
    /// second call waits for the response to the first.
    IdempotencyInProgress,
    /// 409: the company has reached a quota, such as its number of subscriptions.
    QuotaReached,
    /// 429: the key's rate window is used up; `Retry-After` says how long to wait.
    RateLimited,
    /// 429: the operator has reached the limit of open streams.
    TooManyStreams,
    /// 500: the platform failed; details are in its log under the request id.
    Internal,
    /// 501: the request's method is not one of the standard HTTP methods.
    NotImplemented,
    /// 501: an observer cannot do this with keys of the Integration API; the detail says where it is done.
    NotObservable,
    /// 502: the observed platform cannot be reached, or its response cannot be used.
    UpstreamFailed,
    /// 4xx: the observed platform refused the call; the status is the platform's own.
    UpstreamRefused,
    /// 503: the write queue is full, or the platform is shutting down.
    Contended,
    /// 507: the disk or the database size limit is reached.
    StorageFull,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ProblemCode {
    /// Returns the HTTP status of the code; [`Self::Unknown`] counts as 500.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedRequest | Self::MalformedJson | Self::ValidationFailed | Self::InvalidCursor => 400,
            Self::MissingKey | Self::MalformedKey | Self::UnknownKey | Self::RevokedKey | Self::UnknownOperator => 401,
            Self::InsufficientRole | Self::InsufficientScope | Self::OtherCompany | Self::ManagedSubscription => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::IdempotencyConflict | Self::IdempotencyInProgress | Self::QuotaReached => 409,
            Self::PayloadTooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::MisdirectedRequest => 421,
            Self::RateLimited | Self::TooManyStreams => 429,
            Self::HeadersTooLarge => 431,
            Self::Internal | Self::Unknown => 500,
            Self::NotImplemented | Self::NotObservable => 501,
            Self::UpstreamFailed | Self::UpstreamRefused => 502,
            Self::Contended => 503,
            Self::StorageFull => 507,
        }
    }

    /// Returns the standard reason phrase of the code's status.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            406 => "Not Acceptable",
            409 => "Conflict",
            413 => "Content Too Large",
            414 => "URI Too Long",
            415 => "Unsupported Media Type",
            421 => "Misdirected Request",
            429 => "Too Many Requests",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            507 => "Insufficient Storage",
            _ => "Internal Server Error",
        }
    }
}

/// Body of every 4xx and 5xx response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Problem type of RFC 9457; always `about:blank`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Standard reason phrase of the HTTP status.
    #[serde(default)]
    pub title: String,
    /// HTTP status of the response, repeated in the body.
    pub status: u16,
    /// Machine-readable cause of the problem.
    pub code: ProblemCode,
    /// Description of the problem and how to solve it, for a human reader.
    #[serde(default)]
    pub detail: String,
    /// ID of the request, equal to the header `X-Request-Id`.
    #[serde(default)]
    pub request_id: String,
    /// Further members that depend on the code: `requiredScope`, `errors`, `policy`, `retryAfterSeconds`, `offset`,
    /// `managedBy`, `limit`, `reason`.
    #[serde(flatten)]
    #[cfg_attr(test, schema(value_type = std::collections::HashMap<String, Value>))]
    pub extra: Map<String, Value>,
}

impl Problem {
    /// Creates a problem with the status and title of `code`. The server adds the request id when the response leaves.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            request_id: String::new(),
            extra: Map::new(),
        }
    }

    /// Adds a further member to the problem.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}

/// Changes every text of a document, names too, and keeps everything else.
pub fn map_texts(members: &Map<String, Value>, change: &mut impl FnMut(&str) -> String) -> Map<String, Value> {
    members.iter().map(|(name, value)| (change(name), map_value(value, change))).collect()
}

fn map_value(value: &Value, change: &mut impl FnMut(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| map_value(item, change)).collect(),
        Value::Object(members) => Value::Object(map_texts(members, change)),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_documented_and_survives_unknown_codes() {
        let problem = Problem::new(ProblemCode::InsufficientScope, "this key lacks the scope events:read")
            .with("requiredScope", "events:read");
        let json = serde_json::to_value(&problem).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({"type": "about:blank", "title": "Forbidden", "status": 403, "code": "insufficient_scope",
                "detail": "this key lacks the scope events:read", "requestId": "", "requiredScope": "events:read"})
        );
        let strange: Problem = serde_json::from_str(r#"{"status": 418, "code": "teapot"}"#).expect("tolerated");
        assert_eq!((strange.code, strange.status), (ProblemCode::Unknown, 418));
    }
}
