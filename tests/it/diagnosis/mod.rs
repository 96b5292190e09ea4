//! Diagnosis: the signature debugger, playbooks over faults that are really produced, bundles.

mod bad;
mod bundle;
mod checkup;
mod confusion;
mod demo;
mod evidence;
mod issues;
mod lab;
mod matrix;
mod narrow;
mod own;
mod runbooks;
mod trial;
mod verify;
