//! Fault scenarios: each produces one real fault on a platform, in a company of its own, so that the diagnosis of
//! every playbook can be tested against a known cause. Several scenarios can run on one platform.

pub mod caller;
pub mod faulty_signatures;
pub mod generated;
pub mod library;
pub mod raw_receiver;
pub mod receiver_faults;
pub mod runner;
pub mod script;
