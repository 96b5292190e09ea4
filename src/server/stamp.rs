//! The outermost middleware: assigns request ids, stamps answers, and logs requests to the Integration API.

use super::guard::RouteAccessTable;
use crate::domain::log;
use crate::engine::handle::Engine;
use crate::http::answer_headers::logged_headers;
use crate::http::exposure::ServerReachability;
use crate::http::logged_problem::{logged_detail, logged_members};
use crate::http::query_mask::masked_query;
use crate::http::request_context::{RequestContext, looks_like_secret};
use crate::http::stamp::{KNOWN_METHODS, answer_panics, check_head, choose_request_id, stamp_answer};
use crate::http::stream::ShutdownSignal;
use crate::wire::problem::Problem;
use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// Name under which non-standard methods are logged.
const OTHER_METHOD: &str = "OTHER";

/// What the middleware gives to every request.
#[derive(Debug)]
pub(super) struct StampState {
    pub(super) engine: Engine,
    pub(super) reachability: Arc<ServerReachability>,
    pub(super) access: RouteAccessTable,
    pub(super) stop: ShutdownSignal,
}

pub(super) async fn stamp_response(State(state): State<Arc<StampState>>, mut request: Request, next: Next) -> Response {
    let StampState { engine, reachability, access, stop } = &*state;
    let at = engine.ambient().now();
    let watch = engine.ambient().stopwatch();
    let request_id = choose_request_id(request.headers(), engine.ambient());
    let note = RequestContext::new(request_id.clone());
    request.extensions_mut().insert(note.clone());
    request.extensions_mut().insert(stop.clone());
    request.extensions_mut().insert(access.clone());
    request.extensions_mut().insert(Arc::clone(reachability));
    let method =
        if KNOWN_METHODS.contains(&request.method().as_str()) { request.method().as_str() } else { OTHER_METHOD }
            .to_owned();
    let is_integration = request.uri().path().starts_with("/api/");
    let is_private = is_integration || request.uri().path().starts_with("/portal/");
    let address = reachability.caller_address(&request).map(|address| address.to_string());
    let agent = request.headers().get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let query = request.uri().query().map(masked_query).filter(|query| !query.is_empty());
    let mut response = match check_head(&request).and_then(|()| reachability.check_head(&request)) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => answer_panics(next.run(request)).await,
    };
    let noted = note.snapshot();
    let problem = stamp_answer(&mut response, &noted, is_private);
    let code = problem.as_ref().map(|problem| problem.code);
    let reason = problem.as_ref().and_then(Problem::refusal).map(|reason| reason.word());
    if is_integration {
        engine.log_request(log::LoggedRequest {
            at,
            caller: noted.caller,
            method,
            route: noted.route.unwrap_or_else(|| "(none)".to_owned()),
            status: response.status().as_u16(),
            code: code.and_then(|code| serde_json::to_value(code).ok()?.as_str().map(ToOwned::to_owned)),
            detail: match &problem {
                Some(problem) => logged_detail(problem),
                None => noted.log_detail.filter(|text| !looks_like_secret(text)),
            },
            reason: reason.filter(|word| !looks_like_secret(word)),
            rejected_key: noted.claimed_key,
            request_id,
            elapsed_ms: watch.elapsed_ms(),
            query,
            address,
            user_agent: agent,
            answer_headers: logged_headers(response.status().as_u16(), response.headers()),
            problem_members: problem.as_ref().map(logged_members),
        });
    }
    response
}
