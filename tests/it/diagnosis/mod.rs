//! Diagnosis: the signature lab, playbooks over faults that are really produced, bundles.

mod bundle;
mod checkup;
mod demo;
mod lab;
mod matrix;
mod runbooks;
mod verify;
