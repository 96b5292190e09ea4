//! The outermost middleware of the observer: request ids, checks of heads, and the stamp of answers.

use crate::http::exposure::ServerReachability;
use crate::http::request_context::RequestContext;
use crate::http::stamp::{check_head, choose_request_id, stamp_answer};
use crate::observer::handle::PlatformObserver;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

pub(super) async fn stamp_response(
    State((observer, reachability)): State<(PlatformObserver, Arc<ServerReachability>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let note = RequestContext::new(choose_request_id(request.headers(), observer.ambient()));
    request.extensions_mut().insert(note.clone());
    let is_private = request.uri().path().starts_with("/portal/");
    let mut response = match check_head(&request).and_then(|()| reachability.check_head(&request)) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => next.run(request).await,
    };
    let _ = stamp_answer(&mut response, &note, is_private);
    response
}
