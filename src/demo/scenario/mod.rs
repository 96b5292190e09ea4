//! Fault scenarios: each really produces one fault on a platform, in a company of its own, so that every verdict of a playbook can be held
//! against a known truth. They can be stacked.

pub mod caller;
pub mod library;
pub mod post;
pub mod script;
pub mod stage;
pub mod wrong;
