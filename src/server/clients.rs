//! Handlers of the client and lead actions and searches of the Integration API.

use super::body::IdempotentBody;
use super::guard::{Actions, AuthorizedKey, Searches};
use crate::domain::company::{ClientAssignment, ClientCriteria, ClientOrigin, ContactDetails, PostalAddress};
use crate::domain::ids::{ClientId, NoteId};
use crate::engine::clients::{ClientChange, ClientDraft, ClientScope, ClientStatusMove};
use crate::engine::handle::Engine;
use crate::engine::idempotency::{
    CreatedRecord, IdempotentCall, IdempotentCreate, IdempotentReply, RecordOrigin, ReplyOrigin,
};
use crate::engine::notes;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PathId, QueryPairs};
use crate::wire::actions::{
    ChangedStatus, ClientPatch, ClientRecord, CreatedClient, CreatedNote, NewClient, NewLead, NewNote, SearchResult,
    StatusChange, UpdatedClient,
};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

type ClientAnswer<T> = Result<axum::Json<T>, ProblemResponse>;

/// Response header that marks an answer replayed for a repeated idempotency key.
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");

/// `POST /api/v1/integrations/leads`: creates a lead. Answers 201, or 200 with the existing record if the external id
/// is taken.
pub(super) async fn create_lead(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    creating: IdempotentBody<NewLead>,
) -> Result<Response, ProblemResponse> {
    let (new, call) = creating.into_call(allowed.key().id);
    let wish = ClientDraft {
        person: ContactDetails {
            first_name: new.first_name,
            last_name: new.last_name,
            email: new.email,
            phone: new.phone,
        },
        address: PostalAddress { city: new.city, state: new.state, zip: new.zip },
        assigned: ClientAssignment { employee: None, affiliate: new.affiliate_id },
        origin: ClientOrigin { source: new.source, package_keyword: new.package_keyword, external_id: new.external_id },
        status: (None, None),
    };
    create(&allowed, &engine, ClientScope::Lead, wish, call).await
}

/// `POST /api/v1/integrations/clients`: creates a client. Answers 201, or 200 with the existing record if the external
/// id is taken.
pub(super) async fn create_client(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    creating: IdempotentBody<NewClient>,
) -> Result<Response, ProblemResponse> {
    let (new, call) = creating.into_call(allowed.key().id);
    let wish = ClientDraft {
        person: ContactDetails {
            first_name: new.first_name,
            last_name: new.last_name,
            email: new.email,
            phone: new.phone,
        },
        address: PostalAddress { city: new.city, state: new.state, zip: new.zip },
        assigned: ClientAssignment { employee: new.employee_id, affiliate: new.affiliate_id },
        origin: ClientOrigin { source: new.source, package_keyword: None, external_id: new.external_id },
        status: (new.status, new.status_id),
    };
    create(&allowed, &engine, ClientScope::Client, wish, call).await
}

async fn create(
    allowed: &AuthorizedKey<Actions>,
    engine: &Engine,
    which: ClientScope,
    wish: ClientDraft,
    call: IdempotentCall,
) -> Result<Response, ProblemResponse> {
    let render = |created: &CreatedRecord| {
        let status = created.status.map_or_else(String::new, |status| status.name.to_owned());
        render_created(
            created,
            &CreatedClient { client_id: ClientId(created.id), status, created_utc: created.created_at },
        )
    };
    let once = IdempotentCreate { call, render };
    Ok(reply_response(engine.create_client(allowed.caller(), allowed.key().company, which, wish, once).await?))
}

/// `PATCH /api/v1/integrations/leads/{id}`: updates a lead; answers 404 for a client that is not a lead.
pub(super) async fn change_lead(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(patch): JsonBody<ClientPatch>,
) -> ClientAnswer<UpdatedClient> {
    change(&allowed, &engine, (ClientId(id), ClientScope::Lead), patch).await
}

/// `PATCH /api/v1/integrations/clients/{id}`: updates a client; absent fields are kept.
pub(super) async fn change_client(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(patch): JsonBody<ClientPatch>,
) -> ClientAnswer<UpdatedClient> {
    change(&allowed, &engine, (ClientId(id), ClientScope::Client), patch).await
}

async fn change(
    allowed: &AuthorizedKey<Actions>,
    engine: &Engine,
    (id, which): (ClientId, ClientScope),
    patch: ClientPatch,
) -> ClientAnswer<UpdatedClient> {
    let wanted = ClientChange {
        first_name: patch.first_name,
        last_name: patch.last_name,
        email: patch.email,
        phone: patch.phone,
        city: patch.city,
        state: patch.state,
        zip: patch.zip,
        employee: patch.employee_id,
        affiliate: patch.affiliate_id,
        external_id: patch.external_id,
    };
    let client = engine.change_client(allowed.caller(), (allowed.key().company, id), which, wanted).await?;
    Ok(axum::Json(UpdatedClient { success: true, updated_utc: client.dates.updated_at, client_id: client.id }))
}

/// `PATCH /api/v1/integrations/leads/{id}/status`: changes the status of a lead; the new status must be a lead status.
pub(super) async fn change_lead_status(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(step): JsonBody<StatusChange>,
) -> ClientAnswer<ChangedStatus> {
    change_status(&allowed, &engine, (ClientId(id), ClientScope::Lead), step).await
}

/// `PATCH /api/v1/integrations/clients/{id}/status`: changes the status of a client or lead; a lead may become a
/// client.
pub(super) async fn change_client_status(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(step): JsonBody<StatusChange>,
) -> ClientAnswer<ChangedStatus> {
    change_status(&allowed, &engine, (ClientId(id), ClientScope::Client), step).await
}

async fn change_status(
    allowed: &AuthorizedKey<Actions>,
    engine: &Engine,
    (id, which): (ClientId, ClientScope),
    change: StatusChange,
) -> ClientAnswer<ChangedStatus> {
    let StatusChange { new_status, new_status_id, changed_by_employee_id, status_note } = change;
    let step = ClientStatusMove {
        status: new_status,
        status_id: new_status_id,
        changed_by_employee: changed_by_employee_id,
        note: status_note,
    };
    let (previous, client) =
        engine.change_client_status(allowed.caller(), (allowed.key().company, id), which, step).await?;
    Ok(axum::Json(ChangedStatus {
        previous_status: previous.name.to_owned(),
        new_status: client.status.name.to_owned(),
        updated_utc: client.dates.updated_at,
    }))
}

/// `POST /api/v1/integrations/clients/{id}/notes`: adds a note to a client.
pub(super) async fn add_note(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    creating: IdempotentBody<NewNote>,
) -> Result<Response, ProblemResponse> {
    let (new, call) = creating.into_call(allowed.key().id);
    let NewNote { text, note_type, visibility, external_id } = new;
    let wish = notes::NoteDraft { text, note_type, visibility, external_id };
    let render = |created: &CreatedRecord| {
        render_created(created, &CreatedNote { client_note_id: NoteId(created.id), created_utc: created.created_at })
    };
    let once = IdempotentCreate { call, render };
    Ok(reply_response(engine.add_note(allowed.caller(), (allowed.key().company, ClientId(id)), wish, once).await?))
}

/// `GET /api/v1/integrations/clients/search` and `…/find`: searches clients and leads.
pub(super) async fn find_client(
    allowed: AuthorizedKey<Searches>,
    State(engine): State<Engine>,
    pairs: QueryPairs,
) -> ClientAnswer<SearchResult> {
    find(&allowed, &engine, ClientScope::Client, &pairs).await
}

/// `GET /api/v1/integrations/leads/search`: searches leads only.
pub(super) async fn find_lead(
    allowed: AuthorizedKey<Searches>,
    State(engine): State<Engine>,
    pairs: QueryPairs,
) -> ClientAnswer<SearchResult> {
    find(&allowed, &engine, ClientScope::Lead, &pairs).await
}

async fn find(
    allowed: &AuthorizedKey<Searches>,
    engine: &Engine,
    which: ClientScope,
    pairs: &QueryPairs,
) -> ClientAnswer<SearchResult> {
    let text = |name| pairs.single(name).map(|text| text.map(ToOwned::to_owned));
    let id = pairs.number("client_id")?.map(ClientId);
    let traits = ClientCriteria { email: text("email")?, phone: text("phone")?, id, external_id: text("external_id")? };
    let found = engine.find_client(allowed.key().company, which, traits).await?;
    let items = found.into_iter().map(|(client, affiliate)| ClientRecord::new(client, affiliate)).collect();
    Ok(axum::Json(SearchResult { items }))
}

/// Renders the answer to a create: 201 for a new record, 200 for one that existed before.
pub(super) fn render_created<T: Serialize>(created: &CreatedRecord, answer: &T) -> (u16, Vec<u8>) {
    let status = match created.origin {
        RecordOrigin::Created => StatusCode::CREATED,
        RecordOrigin::Existing => StatusCode::OK,
    };
    (status.as_u16(), serde_json::to_vec(answer).unwrap_or_default())
}

/// Converts a stored or fresh reply into a response; a replayed one carries `Idempotency-Replayed: true`.
pub(super) fn reply_response(reply: IdempotentReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let body = ([(CONTENT_TYPE, "application/json")], reply.body);
    match reply.origin {
        ReplyOrigin::Fresh => (status, body).into_response(),
        ReplyOrigin::Replayed => (status, [(REPLAYED_HEADER, "true")], body).into_response(),
    }
}
