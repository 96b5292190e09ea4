//! Query strings: read into a typed struct; what cannot be read is a validation problem. Cursors are opaque and bound to their list.

use super::problem::Refusal;
use crate::api::problem::Code;
use crate::domain::time::Timestamp;
use axum::extract::FromRequestParts;
use axum::extract::rejection::QueryRejection;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

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

/// A query whose names may stand more than once. Names that nobody asks for are ignored.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Pairs {
    /// Every value of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a name that may stand once.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Refusal::invalid(name, "must be given once")),
            (value, None) => Ok(value),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        let read = |text: &str| text.parse().map_err(|_| Refusal::invalid(name, "must be a whole number"));
        self.one(name)?.map(read).transpose()
    }

    /// A point in time.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Refusal> {
        // A + that was not encoded has become a space.
        let read = |text: &str| Timestamp::parse(&text.replace(' ', "+"));
        let fault = || Refusal::invalid(name, "must be an RFC 3339 time: 2026-11-23T14:02:31Z");
        self.one(name)?.map(|text| read(text).ok_or_else(fault)).transpose()
    }

    /// How much of the list, and from where.
    pub(super) fn paging(&self) -> Result<Paging, Refusal> {
        let cursor = self.one("cursor")?.map(ToOwned::to_owned);
        let limit = self.one("limit")?.map(|text| text.parse().unwrap_or(u32::MAX));
        Ok(Paging { cursor, limit })
    }
}

/// The name of a list with filters: a cursor of one is no cursor of another.
pub(super) fn filtered(list: &str, filters: &str) -> String {
    if filters.is_empty() {
        return list.to_owned();
    }
    format!("{list}/{}", hex::encode(&Sha256::digest(filters)[..8]))
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
