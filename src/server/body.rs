//! Extractors of request bodies: media type, size, JSON and fields are checked in this order, after the guards. Fields
//! that no handler reads are reported in `X-Ignored-Fields`.

use super::field_names;
use super::request_context::RequestContext;
use super::stamp::MAX_BODY_BYTES;
use crate::domain::ids::KeyId;
use crate::engine::handle::Engine;
use crate::engine::idempotency::IdempotentCall;
use crate::http::json_scan;
use crate::http::listen::READ_TIMEOUT;
use crate::http::problem::ProblemResponse;
use crate::wire::object::StrictObject;
use crate::wire::problem::{Problem, ProblemCode};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// Extractor of a JSON body, read into `T`.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Engine> for JsonBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, ProblemResponse> {
        read_json(request, engine).await.map(|(value, _)| Self(value))
    }
}

/// Extractor of a body of any media type, as raw bytes.
#[derive(Debug)]
pub(super) struct RawBody(pub(super) Vec<u8>);

impl FromRequest<Engine> for RawBody {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, ProblemResponse> {
        let received = engine.ambient().timeout(READ_TIMEOUT, collect_bytes(request.into_body())).await;
        received.ok_or_else(|| malformed_body("not received within 10 seconds", 0))?.map(Self)
    }
}

/// Reads and checks a JSON body; returns the value together with the bytes as received.
async fn read_json<T: DeserializeOwned>(request: Request, engine: &Engine) -> Result<(T, Vec<u8>), ProblemResponse> {
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
    let received = engine.ambient().timeout(READ_TIMEOUT, collect_bytes(request.into_body())).await;
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

/// Extractor of the JSON body of a create that honours `Idempotency-Key`.
#[derive(Debug)]
pub(super) struct IdempotentBody<T> {
    /// Value that the body was read into.
    value: T,
    /// Idempotency key sent by the caller, if any.
    idempotency_key: Option<String>,
    /// SHA-256 over the method, the path and the body.
    digest: [u8; 32],
}

impl<T> IdempotentBody<T> {
    /// Returns the value and the identity of the call, by which a repetition with the same key is recognised.
    pub(super) fn into_call(self, key: KeyId) -> (T, IdempotentCall) {
        (self.value, IdempotentCall { key, idempotency_key: self.idempotency_key, digest: self.digest })
    }
}

impl<T: DeserializeOwned> FromRequest<Engine> for IdempotentBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, ProblemResponse> {
        let name = request.headers().get("idempotency-key").map(|value| value.as_bytes().to_vec());
        let mut digest = Sha256::new();
        digest.update(format!("{} {}\n", request.method(), request.uri().path()));
        let (value, bytes) = read_json(request, engine).await?;
        digest.update(&bytes);
        let is_name = |name: &Vec<u8>| (1..=255).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
        if name.as_ref().is_some_and(|name| !is_name(name)) {
            return Err(ProblemResponse::invalid_field(
                "Idempotency-Key",
                "must have 1 to 255 visible ASCII characters",
            ));
        }
        let name = name.and_then(|name| String::from_utf8(name).ok());
        Ok(Self { value, idempotency_key: name, digest: digest.finalize().into() })
    }
}
