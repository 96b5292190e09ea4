//! Proxies that record what passes: in front of webhook receivers (`crow listen`) and in front of callers of the
//! Integration API (`crow relay`). Messages pass as they are; records go to the history of the platform, or to an observer
//! elsewhere.

pub mod call_proxy;
pub mod call_record;
mod forwarding;
mod passing_body;
pub mod recorder;
mod records;
mod refusal_counts;
mod refusal_reader;
pub mod report_sender;
mod route_template;
pub mod signature_check;
pub mod upstream;
pub mod webhook_proxy;
pub mod webhook_receipt;
pub mod webhook_routes;
