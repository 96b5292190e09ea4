//! Diagnosis: the signature lab, playbooks over faults that are really produced, bundles.

mod lab;
mod verify;
