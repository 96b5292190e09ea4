//! Extractors of request bodies: media type, size, JSON and fields are checked in this order, after the guards. Fields
//! that no handler reads are reported in `X-Ignored-Fields`.

use super::field_names;
use super::json_scan;
use super::listen::READ_TIMEOUT;
use super::problem::ProblemResponse;
use super::request_context::RequestContext;
use super::stamp::MAX_BODY_BYTES;
use crate::clock::RuntimeEnv;
use crate::wire::object::StrictObject;
use crate::wire::problem::{Problem, ProblemCode};
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::borrow::Cow;

/// Extractor of a JSON body, read into `T`.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T>
where
    RuntimeEnv: FromRef<S>,
{
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemResponse> {
        read_json(request, &RuntimeEnv::from_ref(state)).await.map(|(value, _)| Self(value))
    }
}

/// Extractor of a body of any media type, as raw bytes.
#[derive(Debug)]
pub struct RawBody(pub Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for RawBody
where
    RuntimeEnv: FromRef<S>,
{
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemResponse> {
        let ambient = RuntimeEnv::from_ref(state);
        let received = ambient.timeout(READ_TIMEOUT, collect_bytes(request.into_body())).await;
        received.ok_or_else(|| malformed_body("not received within 10 seconds", 0))?.map(Self)
    }
}

/// Reads and checks a JSON body; returns the value together with the bytes as received.
///
/// # Errors
/// [`ProblemResponse`] that names what is wrong with the body, down to the field.
pub async fn read_json<T: DeserializeOwned>(
    request: Request,
    ambient: &RuntimeEnv,
) -> Result<(T, Vec<u8>), ProblemResponse> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" {
        return Err(ProblemResponse::new(
            ProblemCode::UnsupportedMediaType,
            "send the body as Content-Type: application/json",
        ));
    }
    let is_identity =
        |value: &HeaderValue| value.to_str().is_ok_and(|name| name.trim().eq_ignore_ascii_case("identity"));
    if !request.headers().get_all(CONTENT_ENCODING).iter().all(is_identity) {
        return Err(ProblemResponse::new(
            ProblemCode::UnsupportedMediaType,
            "send the body without Content-Encoding; compressed bodies are not supported",
        ));
    }
    let note = request.extensions().get::<RequestContext>().cloned();
    let received = ambient.timeout(READ_TIMEOUT, collect_bytes(request.into_body())).await;
    let bytes = received.ok_or_else(|| malformed_body("not received within 10 seconds", 0))??;
    let members = json_scan::scan_body(&bytes).map_err(|fault| malformed_body(fault.text, fault.offset))?;
    if let (Some(note), Some(known)) = (note, field_names::field_names::<T>()) {
        note.record_ignored(members.names.into_iter().filter(|name| !known.contains(&name.as_str())));
    }
    let value = parse_body(&bytes, &blank_offsets::<T>(&members.blanks))?;
    Ok((value, bytes))
}

/// Returns the offsets of empty texts that stand for null, which are those in optional fields. HTML forms and no-code
/// tools send empty texts for fields that were not filled in.
fn blank_offsets<T: DeserializeOwned>(blanks: &[(String, usize)]) -> Vec<usize> {
    if blanks.is_empty() {
        return Vec::new();
    }
    let optional = field_names::optional_field_names::<T>();
    blanks.iter().filter(|(name, _)| optional.contains(&name.as_str())).map(|(_, at)| *at).collect()
}

/// Returns the body with `null` in place of the empty texts at the offsets `blanks`.
fn with_nulls(bytes: &[u8], blanks: &[usize]) -> Vec<u8> {
    let mut nulled = Vec::with_capacity(bytes.len() + 2 * blanks.len());
    let mut from = 0;
    for at in blanks {
        nulled.extend_from_slice(&bytes[from..*at]);
        nulled.extend_from_slice(b"null");
        from = at + 2;
    }
    nulled.extend_from_slice(&bytes[from..]);
    nulled
}

/// Collects the bytes of a body and fails as soon as they exceed the size limit.
async fn collect_bytes(body: Body) -> Result<Vec<u8>, ProblemResponse> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| malformed_body("incomplete", bytes.len()))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ProblemResponse::new(
                ProblemCode::PayloadTooLarge,
                format!("the body is larger than {MAX_BODY_BYTES} bytes"),
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn malformed_body(text: &str, offset: usize) -> ProblemResponse {
    let offset = u64::try_from(offset).unwrap_or(u64::MAX);
    Problem::new(ProblemCode::MalformedJson, format!("the body is not valid JSON: {text} (byte {offset})"))
        .with("offset", offset)
        .into()
}

fn parse_body<T: DeserializeOwned>(bytes: &[u8], blanks: &[usize]) -> Result<T, ProblemResponse> {
    let nulled = if blanks.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned(with_nulls(bytes, blanks)) };
    let mut deserializer = serde_json::Deserializer::from_slice(&nulled);
    let read = serde_path_to_error::deserialize(&mut deserializer).map(|object: StrictObject<T>| object.0);
    read.map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        match error.classify() {
            Category::Data => {
                let inside = if path.is_empty() || path == "." { None } else { Some(path) };
                let field = [inside, missing_field(&error)].into_iter().flatten().collect::<Vec<_>>().join(".");
                ProblemResponse::unreadable_field(
                    if field.is_empty() { "body" } else { &field },
                    &describe_fault(&error),
                )
            }
            // The scanner has accepted the whole body, so this error means a value of another type where one of a set
            // of names is expected.
            Category::Syntax if error.to_string().starts_with("expected value") => {
                ProblemResponse::unreadable_field(&path, "must be a text")
            }
            Category::Syntax | Category::Eof | Category::Io => {
                let at = byte_offset(&nulled, error.line(), error.column());
                // The offset refers to the text with substitutions: each `null` before it is two bytes longer than the
                // `""` it replaced.
                let n_before = blanks.iter().enumerate().filter(|(n, blank)| *blank + 2 * n < at).count();
                malformed_body("unreadable text or number", at - 2 * n_before)
            }
        }
    })
}

/// Returns the name of the field that is missing; the name comes from the type, not from the caller.
fn missing_field(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    Some(text.strip_prefix("missing field `")?.split('`').next()?.to_owned())
}

/// Describes what is wrong with a field. A parser's message quotes the value found, which may be a secret sent by
/// mistake, so the quotation is dropped.
fn describe_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let expected = text.split_once("expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or_default());
    match expected {
        Some(expected) => format!("must be {}", in_words(expected)),
        None if text.starts_with("missing field") => "must be given".to_owned(),
        None if text.starts_with("unknown") => text.split(" at line ").next().unwrap_or_default().to_owned(),
        None => "cannot be read".to_owned(),
    }
}

/// Translates the parser's expectation into terms that do not presume a programming language.
fn in_words(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number in range",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

/// Returns the byte offset at which the parser stopped, from its line and column (both from 1).
fn byte_offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let before: usize =
        bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column.saturating_sub(1)).min(bytes.len())
}
