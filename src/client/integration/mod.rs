//! The Integration API: typed calls of crow's own platform, and tolerant reading of what other platforms answer.

pub mod answer;
pub mod calls;
pub mod partner;
pub mod tolerant_reading;
