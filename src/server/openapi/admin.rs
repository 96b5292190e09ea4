//! Descriptions of the Portal API's routes for administration: companies, keys, operators, acknowledgements and audit.

use super::shape::{Answer, Shape, Told};
use crate::api::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::api::audit::{AuditCheck, AuditHead, AuditRow};
use crate::api::keys::{Company, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RevokedKey};
use crate::api::limits::KeyUsage;
use crate::api::log::LogPage;
use crate::api::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::api::page::Page;
use crate::api::paths;

/// Returns the descriptions of the routes for administration.
pub(super) fn routes() -> Vec<Told> {
    [companies(), operators(), alerts(), audit()].into_iter().flatten().collect()
}

fn companies() -> Vec<Told> {
    vec![
        Told::get(paths::COMPANIES, "listCompanies", "All companies", "Page of companies", answer!(Page<Company>))
            .paged(),
        Told::post(paths::COMPANIES, "createCompany", "Create a company", "The new company", answer!(Company))
            .taking(shape!(NewCompany), r#"{"name": "Acme Credit"}"#)
            .creating(),
        Told::get(
            paths::KEYS,
            "listKeys",
            "API keys of all companies, worst health first",
            "Page of keys, without their secrets",
            answer!(Page<KeyRow>),
        )
        .paged(),
        Told::post(
            paths::KEYS,
            "createKey",
            "Create an API key; only this answer carries the key itself",
            "The new key, in full",
            answer!(CreatedKey),
        )
        .taking(shape!(NewKey), r#"{"companyId": 1, "name": "Zapier", "scopes": ["events:read", "webhooks:write"]}"#)
        .creating(),
        Told::post(
            paths::KEY_REVOKE,
            "revokeKey",
            "Revoke an API key, permanently and at once",
            "The revoked key",
            answer!(RevokedKey),
        ),
        Told::get(
            paths::KEY_LIMITS,
            "limitKey",
            "Change the rate limits of a key; null restores the default, absent limits are kept",
            "The key with its new limits",
            answer!(KeyRow),
        )
        .by("PATCH")
        .taking(shape!(LimitsPatch), r#"{"read": 120, "write": null}"#),
        Told::get(
            paths::KEY_USAGE,
            "keyUsage",
            "Routes that a key calls, and scopes that it never used",
            "Usage of the key by route, and its unused scopes",
            answer!(KeyUsage),
        ),
    ]
}

fn operators() -> Vec<Told> {
    vec![
        Told::get(
            paths::OPERATORS,
            "listOperators",
            "All operators, including revoked ones",
            "Page of operators, without their tokens",
            answer!(Page<OperatorRow>),
        )
        .paged(),
        Told::post(
            paths::OPERATORS,
            "createOperator",
            "Create an operator; only this answer carries the token",
            "The new operator with the token",
            answer!(CreatedOperator),
        )
        .taking(shape!(NewOperator), r#"{"name": "Grace", "role": "viewer"}"#)
        .creating(),
        Told::post(
            paths::OPERATOR_REVOKE,
            "revokeOperator",
            "Revoke an operator, permanently and at once; the last admin cannot be revoked",
            "The revoked operator",
            answer!(RevokedOperator),
        ),
    ]
}

fn alerts() -> Vec<Told> {
    vec![
        Told::get(
            paths::ACKNOWLEDGEMENTS,
            "listAcknowledgements",
            "Acknowledgements of alerts from the last 24 hours, oldest first",
            "Page of acknowledgements",
            answer!(Page<AcknowledgementRow>),
        )
        .paged(),
        Told::post(
            paths::ACKNOWLEDGEMENTS,
            "acknowledgeAlert",
            "Acknowledge an alert, for 24 hours or until its severity increases",
            "The recorded acknowledgement",
            answer!(AcknowledgementRow),
        )
        .taking(
            shape!(NewAcknowledgement),
            r#"{"subject": "subscription 17", "state": "err", "note": "the partner knows"}"#,
        )
        .creating(),
    ]
}

fn audit() -> Vec<Told> {
    vec![
        Told::get(
            paths::AUDIT,
            "listAudit",
            "Rows of the audit trail, newest first",
            "Page of changes",
            answer!(LogPage<AuditRow>),
        )
        .paged(),
        Told::get(
            paths::AUDIT_VERIFY,
            "verifyAudit",
            "Verify that every row of the audit trail is present and unaltered",
            "Result of verifying the hash chain",
            answer!(AuditCheck),
        ),
        Told::get(
            paths::AUDIT_HEAD,
            "auditHead",
            "Head of the audit trail; a copy kept elsewhere later reveals removed or replaced rows",
            "Sequence number and hash of the last row",
            answer!(AuditHead),
        ),
    ]
}
