//! What is stored stays: kills, losses of power, full disks, damaged files, second instances, backups, keys.

mod instances;
pub(crate) mod process;
mod upkeep;
