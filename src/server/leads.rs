//! Leads.

use super::body::Json;
use super::guard::{Actions, Allowed};
use super::problem::Refusal;
use crate::api::actions::{CreatedClient, NewLead};
use crate::engine::Engine;
use crate::engine::leads::{Made, Wish};
use axum::extract::State;
use axum::http::StatusCode;

/// `POST /api/v1/integrations/leads`: 201, or 200 with the existing record where the external id was there already.
pub(super) async fn create(
    allowed: Allowed<Actions>,
    State(engine): State<Engine>,
    Json(new): Json<NewLead>,
) -> Result<(StatusCode, axum::Json<CreatedClient>), Refusal> {
    let NewLead { first_name, last_name, email, phone, source, external_id } = new;
    let wish = Wish { first_name, last_name, email, phone, source, external_id };
    let (client, made) = engine.create_lead(allowed.caller(), allowed.key().company, wish).await?;
    let status = match made {
        Made::Now => StatusCode::CREATED,
        Made::Earlier => StatusCode::OK,
    };
    let created =
        CreatedClient { client_id: client.id, status: client.status.name.to_owned(), created_utc: client.created_at };
    Ok((status, axum::Json(created)))
}
