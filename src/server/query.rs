//! Query strings: read into a typed struct; what cannot be read is a validation problem. Cursors are opaque and bound to their list.

use super::problem::Refusal;
use crate::api::problem::Code;
use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A query of type `T`.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|query| Self(query.0))
            .map_err(|rejection: QueryRejection| Refusal::invalid("query", rejection.body_text()))
    }
}

/// A path with one number in it; anything else does not exist.
#[derive(Debug)]
pub(super) struct Id(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Path::<i64>::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0))
            .map_err(|_| Refusal::new(Code::NotFound, "ids are whole numbers; there is nothing under this one"))
    }
}

/// How much of a list, and from where.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Paging {
    pub(super) cursor: Option<String>,
    pub(super) limit: Option<u32>,
}

/// Rows per page unless asked otherwise, and at most.
const PAGE: (u32, u32) = (50, 200);

impl Paging {
    /// The limit, checked.
    pub(super) fn limit(&self) -> Result<u32, Refusal> {
        match self.limit {
            None => Ok(PAGE.0),
            Some(limit) if (1..=PAGE.1).contains(&limit) => Ok(limit),
            Some(_) => Err(Refusal::invalid("limit", format!("must be 1 to {}", PAGE.1))),
        }
    }

    /// The number a cursor of the list `of` stands for.
    pub(super) fn position(&self, of: &str) -> Result<Option<i64>, Refusal> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            let (list, number) = text.rsplit_once(':')?;
            (list == of).then(|| number.parse().ok())?
        };
        let fault =
            || Refusal::new(Code::InvalidCursor, "this cursor is not one of this list; leave it out to begin anew");
        read().map(Some).ok_or_else(fault)
    }
}

/// The cursor of the list `of` that stands for a number.
pub(super) fn cursor(of: &str, number: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{of}:{number}"))
}
