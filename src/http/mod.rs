//! The edge that every server of this program shares: connections and their limits, exposure, heads, queries and problem
//! documents.

pub mod connections;
pub mod exposure;
pub mod json_scan;
pub mod listen;
pub mod params;
pub mod problem;
mod problem_writer;
pub mod query;
mod write_timeout;
