//! Handlers of the request log and of the usage of keys.

use super::guard::{AuthorizedOperator, RouteAccessTable, Viewer};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::RequestFilter;
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::engine::handle::Engine;
use crate::http::log_query::{LogQuery, parse_named};
use crate::http::logged_problem::logged_problem;
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::wire::attempts::HttpHeader;
use crate::wire::limits::{KeyUsage, RouteUsageRow};
use crate::wire::log::RequestQuery;
use crate::wire::requests::{ProblemCodeCount, RequestLogPage, RequestRow, StatusCount};
use axum::Extension;
use axum::extract::State;
use std::net::IpAddr;

/// Status classes by which the request log can be filtered.
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// `GET /portal/v1/requests`: requests that match the filters, newest first.
pub(super) async fn list(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<RequestQuery>,
) -> Result<axum::Json<RequestLogPage>, ProblemResponse> {
    let of = &wanted.filters;
    if of.code.as_ref().is_some_and(|code| code.is_empty() || code.chars().count() > 200) {
        return Err(ProblemResponse::invalid_field("code", "must have 1 to 200 characters"));
    }
    let class = parse_named(
        of.class.as_ref(),
        "class",
        |name| STATUS_CLASSES.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, n)| n),
        &STATUS_CLASSES,
    )?;
    let caller = of.caller.as_deref().map(|text| {
        let address: Result<IpAddr, _> = text.parse();
        address
            .map(|address| address.to_canonical().to_string())
            .map_err(|_| ProblemResponse::invalid_field("caller", "must be an address"))
    });
    let filter = RequestFilter {
        key: of.key.map(KeyId),
        company: of.company.map(CompanyId),
        status: of.status,
        class,
        code: of.code.clone(),
        address: caller.transpose()?,
    };
    let (page, codes) = engine.requests(filter, wanted.page_spec(of.since, of.until)).await?;
    let page = wanted.log_page(page, |logged| {
        let problem = logged_problem(&logged.request);
        let (key_id, company_id) = logged.request.caller.unzip();
        let claimed = logged.request.rejected_key.map(|of| (of.company, Untrusted::new(of.last4)));
        let (claimed_company_id, claimed_last4) = claimed.unzip();
        RequestRow {
            id: logged.id,
            utc: logged.request.at,
            key_id,
            company_id,
            last4: key_id.and_then(|key| engine.last4(key)).map(Untrusted::new),
            method: Untrusted::new(logged.request.method),
            route: Untrusted::new(logged.request.route),
            status: Some(logged.request.status),
            code: logged.request.code.map(Untrusted::new),
            detail: logged.request.detail.map(Untrusted::new),
            reason: logged.request.reason.map(Untrusted::new),
            claimed_company_id,
            claimed_last4,
            query: logged.request.query.map(Untrusted::new),
            address: logged.request.address.map(Untrusted::new),
            user_agent: logged.request.user_agent.map(Untrusted::new),
            answer_headers: logged.request.answer_headers.as_deref().map(HttpHeader::from_lines),
            problem,
            own_call: None,
            caller_name: None,
            request_id: Some(Untrusted::new(logged.request.request_id)),
            elapsed_ms: logged.request.elapsed_ms,
        }
    });
    let last_hour = codes
        .into_iter()
        .map(|of| ProblemCodeCount { status: Some(of.status), code: of.code.map(Untrusted::new), n: of.n })
        .collect();
    let unlogged = engine.unlogged().into_iter().map(|(status, n)| StatusCount { status, n }).collect();
    Ok(axum::Json(RequestLogPage { page, last_hour, unlogged }))
}

/// `GET /portal/v1/keys/{id}/usage`: the routes that a key calls and the scopes that it never used.
pub(super) async fn usage(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    Extension(access): Extension<RouteAccessTable>,
    PathId(id): PathId,
) -> Result<axum::Json<KeyUsage>, ProblemResponse> {
    let history = engine.key_history(KeyId(id)).await?;
    let used: Vec<KeyScope> = history
        .routes
        .iter()
        .filter(|route| route.n_used > 0)
        .filter_map(|route| access.scope(&route.method, &route.route))
        .collect();
    let never_used: Vec<KeyScope> = history.key.scopes.iter().filter(|scope| !used.contains(scope)).collect();
    let routes: Vec<RouteUsageRow> = history
        .routes
        .into_iter()
        .map(|of| RouteUsageRow { method: Untrusted::new(of.method), route: Untrusted::new(of.route), n: of.n })
        .collect();
    Ok(axum::Json(KeyUsage { since_utc: history.since, routes: Some(routes), never_used: Some(never_used) }))
}
