//! Diagnosis: evidence is collected with read-only calls, pure checks turn it into verdicts, and verdicts into ranked
//! causes.

pub mod breaker;
pub mod case;
pub mod checkup;
pub mod dossier;
pub mod endpoint;
pub mod gather;
pub mod guide;
pub mod held;
pub mod own;
pub mod playbook;
pub mod run;
pub mod runbook;
pub mod subject;
pub mod survey;
pub mod topics;
