//! Diagnosis: evidence is collected with read-only calls, pure checks turn it into verdicts, and verdicts into ranked
//! causes.

pub mod breaker;
pub mod checkup;
pub mod collect;
pub mod diagnosis_subject;
pub mod endpoint;
pub mod evidence_set;
pub mod health_check;
pub mod incident;
pub mod playbook;
pub mod remedy;
pub mod report;
pub mod review;
pub mod review_data;
pub mod run;
pub mod runbook;
pub mod runbook_actions;
pub mod runbook_kind;
pub mod runbook_progress;
pub mod secret_check;
pub mod subject;
pub mod topics;
