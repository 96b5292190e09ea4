//! Bodies: the media type, the size and the JSON are checked in this order, after the guards.

use super::problem::Refusal;
use super::stamp::LARGEST_BODY;
use crate::api::object::Object;
use crate::api::problem::{Code, Problem};
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A JSON body of type `T`.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" {
            return Err(Refusal::new(Code::UnsupportedMediaType, "send the body as Content-Type: application/json"));
        }
        let bytes = to_bytes(request.into_body(), LARGEST_BODY).await.map_err(|_| {
            Refusal::new(Code::PayloadTooLarge, format!("the body is larger than {LARGEST_BODY} bytes or broke off"))
        })?;
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut deserializer).map(|object: Object<T>| object.0);
    let read = read.map_err(|error| (error.path().to_string(), error.into_inner()));
    let read = read.and_then(|value| deserializer.end().map(|()| value).map_err(|error| (String::new(), error)));
    read.map_err(|(path, error)| match error.classify() {
        Category::Data => {
            let field = if path.is_empty() || path == "." { "body".to_owned() } else { path };
            Refusal::field(&field, &error.to_string())
        }
        Category::Syntax | Category::Eof | Category::Io => {
            let offset = offset(bytes, error.line(), error.column());
            Problem::new(Code::MalformedJson, format!("the body is not JSON: {error}")).with("offset", offset).into()
        }
    })
}

/// The byte at which a parser stopped, from its line and column (both from 1).
fn offset(bytes: &[u8], line: usize, column: usize) -> u64 {
    let before: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    u64::try_from((before + column.saturating_sub(1)).min(bytes.len())).unwrap_or(u64::MAX)
}
