//! Errors on the wire: `application/problem+json` with a closed set of codes (contract: errors).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: not HTTP.
    MalformedRequest,
    /// 400: not JSON.
    MalformedJson,
    /// 400: missing, wrong type, out of range.
    ValidationFailed,
    /// 400: not a cursor of ours, or of other filters.
    InvalidCursor,
    /// 401: no key where one is expected.
    MissingKey,
    /// 401: a text that cannot be a key.
    MalformedKey,
    /// 401: a key that the platform does not know.
    UnknownKey,
    /// 401: a key that was revoked.
    RevokedKey,
    /// 401: no operator token, or not one of ours.
    UnknownOperator,
    /// 403: the operator's role does not allow it.
    InsufficientRole,
    /// 403: the key lacks a scope.
    InsufficientScope,
    /// 403: the thing belongs to another company.
    OtherCompany,
    /// 403: a tool manages the subscription.
    ManagedSubscription,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 406
    NotAcceptable,
    /// 413
    PayloadTooLarge,
    /// 414
    UriTooLong,
    /// 415
    UnsupportedMediaType,
    /// 421: meant for a server of another name.
    MisdirectedRequest,
    /// 431
    HeadersTooLarge,
    /// 409: the idempotency key was used with another body.
    IdempotencyConflict,
    /// 409: a call with this idempotency key is under way. The standalone platform never says so: there the second call waits for the
    /// first one's answer.
    IdempotencyInProgress,
    /// 409: the company has as many of something as it may have.
    QuotaReached,
    /// 429
    RateLimited,
    /// 429: the operator has as many streams open as one may have.
    TooManyStreams,
    /// 500
    Internal,
    /// 501: the request's method is none of HTTP's own.
    NotImplemented,
    /// 503: the write queue is full, or the platform is stopping.
    Contended,
    /// 507: the disk or the database limit is reached.
    StorageFull,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// Its HTTP status.
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
            Self::NotImplemented => 501,
            Self::Contended => 503,
            Self::StorageFull => 507,
        }
    }

    /// The usual name of its status.
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
            503 => "Service Unavailable",
            507 => "Insufficient Storage",
            _ => "Internal Server Error",
        }
    }
}

/// The body of every 4xx and 5xx.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The status's name.
    #[serde(default)]
    pub title: String,
    /// The status.
    pub status: u16,
    /// What went wrong, for programs.
    pub code: Code,
    /// What went wrong and what to do, for people.
    #[serde(default)]
    pub detail: String,
    /// The request it answers.
    #[serde(default)]
    pub request_id: String,
    /// Members of this code: `requiredScope`, `errors`, `policy`, `retryAfterSeconds`, `offset`, `managedBy`, `limit`.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub extra: Map<String, Value>,
}

impl Problem {
    /// A problem of this code; the request id is added on the way out.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
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

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_documented_and_survives_unknown_codes() {
        let problem = Problem::new(Code::InsufficientScope, "this key lacks the scope events:read")
            .with("requiredScope", "events:read");
        let json = serde_json::to_value(&problem).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({"type": "about:blank", "title": "Forbidden", "status": 403, "code": "insufficient_scope",
                "detail": "this key lacks the scope events:read", "requestId": "", "requiredScope": "events:read"})
        );
        let strange: Problem = serde_json::from_str(r#"{"status": 418, "code": "teapot"}"#).expect("tolerated");
        assert_eq!((strange.code, strange.status), (Code::Unknown, 418));
    }
}
