//! Diagnosis: evidence is gathered with read-only calls, pure checks turn it into verdicts, and verdicts into ranked
//! causes.

pub mod answer_reading;
pub mod caller_id;
pub mod checkup;
pub mod clocks;
pub mod delivery_pattern;
pub mod diagnosis_subject;
pub mod endpoint;
pub mod endpoint_findings;
mod endpoint_gathering;
pub mod escalation;
mod escalation_rules;
pub mod evidence_portal;
pub mod evidence_set;
pub mod finding;
pub mod gather;
mod gathering;
pub mod health_check;
pub mod incident;
pub mod incident_history;
pub mod listener_findings;
pub mod playbook;
pub mod playbook_topic;
pub mod remedy;
pub mod report;
pub mod reporter;
pub mod review;
pub mod review_data;
pub mod run;
pub mod runbook;
pub mod runbook_actions;
pub mod runbook_kind;
pub mod runbook_progress;
pub mod secret_check;
pub mod signals;
mod subject;
pub mod topics;
