//! The outermost middleware of the observer: request ids, checks of heads, and the stamp of answers.

use crate::http::exposure::ServerReachability;
use crate::http::request_context::RequestContext;
use crate::http::stamp::{answer_panics, check_head, choose_request_id, stamp_answer};
use crate::http::stream::ShutdownSignal;
use crate::observer::handle::PlatformObserver;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

pub(super) async fn stamp_response(
    State((observer, reachability, stop)): State<(PlatformObserver, Arc<ServerReachability>, ShutdownSignal)>,
    mut request: Request,
    next: Next,
) -> Response {
    let note = RequestContext::new(choose_request_id(request.headers(), observer.ambient()));
    request.extensions_mut().insert(note.clone());
    request.extensions_mut().insert(stop);
    let is_private = request.uri().path().starts_with("/portal/");
    let mut response = match check_head(&request).and_then(|()| reachability.check_head(&request)) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => answer_panics(next.run(request)).await,
    };
    let _ = stamp_answer(&mut response, &note.snapshot(), is_private);
    response
}
