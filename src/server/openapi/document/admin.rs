//! Descriptions of the Portal API's routes for administration: companies, keys, operators, acknowledgements and audit.

use crate::wire::alerts::AcknowledgementRow;
use crate::wire::audit::{AuditCheck, AuditHead, AuditRow};
use crate::wire::keys::{CompanyRow, KeyRow};
use crate::wire::limits::KeyUsage;
use crate::wire::log::LogPage;
use crate::wire::operation_doc::{NamedSchema, OperationDoc, ResponseBody, shape};
use crate::wire::operators::OperatorRow;
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
        OperationDoc::get(
            paths::KEYS,
            "listKeys",
            "API keys of all companies, worst health first",
            "Page of keys, without their secrets",
            answer!(Page<KeyRow>),
        )
        .paged(),
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
