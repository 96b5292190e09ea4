//! Descriptions of the Portal API's routes for administration: companies, keys, operators, acknowledgements and audit.

use super::operation_doc::{NamedSchema, OperationDoc, ResponseBody};
use crate::wire::alerts::{AcknowledgementRow, NewAcknowledgement};
use crate::wire::audit::{AuditCheck, AuditHead, AuditRow};
use crate::wire::keys::{CompanyRow, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, RevokedKey};
use crate::wire::limits::KeyUsage;
use crate::wire::log::LogPage;
use crate::wire::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::wire::page::Page;
use crate::wire::paths;

/// Returns the descriptions of the routes for administration.
pub(super) fn routes() -> Vec<OperationDoc> {
    [companies(), operators(), alerts(), audit()].into_iter().flatten().collect()
}

fn companies() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::COMPANIES,
            "listCompanies",
            "All companies",
            "Page of companies",
            answer!(Page<CompanyRow>),
        )
        .paged(),
        OperationDoc::post(
            paths::COMPANIES,
            "createCompany",
            "Create a company",
            "The new company",
            answer!(CompanyRow),
        )
        .with_body(shape!(NewCompany), r#"{"name": "Acme Credit"}"#)
        .creates(),
        OperationDoc::get(
            paths::KEYS,
            "listKeys",
            "API keys of all companies, worst health first",
            "Page of keys, without their secrets",
            answer!(Page<KeyRow>),
        )
        .paged(),
        OperationDoc::post(
            paths::KEYS,
            "createKey",
            "Create an API key; only this answer carries the key itself",
            "The new key, in full",
            answer!(CreatedKey),
        )
        .with_body(shape!(NewKey), r#"{"companyId": 1, "name": "Zapier", "scopes": ["events:read", "webhooks:write"]}"#)
        .creates(),
        OperationDoc::post(
            paths::KEY_REVOKE,
            "revokeKey",
            "Revoke an API key, permanently and at once",
            "The revoked key",
            answer!(RevokedKey),
        ),
        OperationDoc::get(
            paths::KEY_LIMITS,
            "limitKey",
            "Change the rate limits of a key; null restores the default, absent limits are kept",
            "The key with its new limits",
            answer!(KeyRow),
        )
        .with_method("PATCH")
        .with_body(shape!(LimitsPatch), r#"{"read": 120, "write": null}"#),
        OperationDoc::get(
            paths::KEY_USAGE,
            "keyUsage",
            "Routes that a key calls, and scopes that it never used",
            "Usage of the key by route, and its unused scopes",
            answer!(KeyUsage),
        ),
    ]
}

fn operators() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::OPERATORS,
            "listOperators",
            "All operators, including revoked ones",
            "Page of operators, without their tokens",
            answer!(Page<OperatorRow>),
        )
        .paged(),
        OperationDoc::post(
            paths::OPERATORS,
            "createOperator",
            "Create an operator; only this answer carries the token",
            "The new operator with the token",
            answer!(CreatedOperator),
        )
        .with_body(shape!(NewOperator), r#"{"name": "Grace", "role": "viewer"}"#)
        .creates(),
        OperationDoc::post(
            paths::OPERATOR_REVOKE,
            "revokeOperator",
            "Revoke an operator, permanently and at once; the last admin cannot be revoked",
            "The revoked operator",
            answer!(RevokedOperator),
        ),
    ]
}

fn alerts() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::ACKNOWLEDGEMENTS,
            "listAcknowledgements",
            "Acknowledgements of alerts from the last 24 hours, oldest first",
            "Page of acknowledgements",
            answer!(Page<AcknowledgementRow>),
        )
        .paged(),
        OperationDoc::post(
            paths::ACKNOWLEDGEMENTS,
            "acknowledgeAlert",
            "Acknowledge an alert, for 24 hours or until its severity increases",
            "The recorded acknowledgement",
            answer!(AcknowledgementRow),
        )
        .with_body(
            shape!(NewAcknowledgement),
            r#"{"subject": "subscription 17", "state": "err", "note": "the partner knows"}"#,
        )
        .creates(),
    ]
}

fn audit() -> Vec<OperationDoc> {
    vec![
        OperationDoc::get(
            paths::AUDIT,
            "listAudit",
            "Rows of the audit trail, newest first",
            "Page of changes",
            answer!(LogPage<AuditRow>),
        )
        .paged(),
        OperationDoc::get(
            paths::AUDIT_VERIFY,
            "verifyAudit",
            "Verify that every row of the audit trail is present and unaltered",
            "Result of verifying the hash chain",
            answer!(AuditCheck),
        ),
        OperationDoc::get(
            paths::AUDIT_HEAD,
            "auditHead",
            "Head of the audit trail; a copy kept elsewhere later reveals removed or replaced rows",
            "Sequence number and hash of the last row",
            answer!(AuditHead),
        ),
    ]
}
