//! The edge that every server of this program shares: connections and their limits, exposure, heads, queries, bodies,
//! problem documents, the stamp of answers, redaction and the event stream.

pub mod answer_headers;
pub mod body;
pub mod connections;
pub mod credentials;
pub mod exposure;
mod field_names;
mod flush_on_error;
pub mod json_scan;
pub mod listen;
pub mod log_query;
pub mod logged_problem;
pub mod params;
pub mod problem;
mod problem_writer;
pub mod query;
pub mod query_mask;
pub mod redact;
pub mod request_context;
pub mod stamp;
pub mod stream;
pub mod urls;
mod write_timeout;
