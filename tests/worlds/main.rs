//! Worlds that were not staged: companies with keys, calls, subscriptions and deliveries, generated from a seed, healthy
//! or with a fault that is known, and the playbooks held against them. `CROW_WORLDS=10000` in the environment asks for
//! as many worlds; `CROW_WORLD_SEED` for one of them, in full.

mod calls;
mod dice;
mod faults;
mod matrix;
mod model;
mod plan;
mod pollers;
mod receivers;
mod simulation;
mod tickets;
