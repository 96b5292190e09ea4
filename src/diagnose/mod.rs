//! Playbooks: evidence is gathered by read-only calls, pure checks turn it into verdicts, verdicts into ranked causes.

pub mod breaker;
pub mod endpoint;
pub mod gather;
pub mod run;
