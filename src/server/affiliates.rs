//! Handlers of the affiliate actions of the Integration API.

use super::body::IdempotentBody;
use super::clients::{render_created, reply_response};
use super::guard::{Actions, AuthorizedKey};
use crate::domain::company::ContactDetails;
use crate::domain::ids::AffiliateId;
use crate::engine::affiliates::{AffiliateChange, AffiliateDraft};
use crate::engine::handle::Engine;
use crate::engine::idempotency::{CreatedRecord, IdempotentCreate};
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::wire::actions::{AffiliatePatch, CreatedAffiliate, NewAffiliate, UpdatedAffiliate};
use axum::extract::State;
use axum::response::Response;

/// `POST /api/v1/integrations/affiliates`: creates an affiliate. Answers 201, or 200 with the existing record if the
/// external id is taken.
pub(super) async fn create(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    creating: IdempotentBody<NewAffiliate>,
) -> Result<Response, ProblemResponse> {
    let (new, call) = creating.into_call(allowed.key().id);
    let wish = AffiliateDraft {
        person: ContactDetails {
            first_name: new.first_name,
            last_name: new.last_name,
            email: new.email,
            phone: new.phone,
        },
        code: new.affiliate_code,
        commission_rate: new.commission_rate,
        external_id: new.external_id,
    };
    let render = |created: &CreatedRecord| {
        render_created(
            created,
            &CreatedAffiliate { affiliate_id: AffiliateId(created.id), created_utc: created.created_at },
        )
    };
    let once = IdempotentCreate { call, render };
    Ok(reply_response(engine.create_affiliate(allowed.caller(), allowed.key().company, wish, once).await?))
}

/// `PATCH /api/v1/integrations/affiliates/{id}`: updates an affiliate; absent fields are kept.
pub(super) async fn change(
    allowed: AuthorizedKey<Actions>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(patch): JsonBody<AffiliatePatch>,
) -> Result<axum::Json<UpdatedAffiliate>, ProblemResponse> {
    let wanted = AffiliateChange {
        email: patch.email,
        first_name: patch.first_name,
        last_name: patch.last_name,
        phone: patch.phone,
        code: patch.affiliate_code,
        commission_rate: patch.commission_rate,
        external_id: patch.external_id,
        is_approved: patch.is_approved_affiliate,
    };
    let place = (allowed.key().company, AffiliateId(id));
    let affiliate = engine.change_affiliate(allowed.caller(), place, wanted).await?;
    let updated_utc = affiliate.dates.updated_at;
    Ok(axum::Json(UpdatedAffiliate { success: true, updated_utc, affiliate_id: affiliate.id }))
}
