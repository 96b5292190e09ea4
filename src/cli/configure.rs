//! `crow config`: a template, what is wrong, and what is in force.

use super::arguments::setup::{Config, ConfigCheck};
use super::failure::Failure;
use super::{alerting, config, output, settings};
use std::process::ExitCode;

/// Everything that can be set.
const TEMPLATE: &str = include_str!("../../assets/config.example.toml");

pub(super) fn run(asked: &Config) -> Result<ExitCode, Failure> {
    match asked {
        Config::Template => {
            output::write(TEMPLATE.trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Config::Check(asked) => check(asked),
        Config::Explain => explain(),
    }
}

fn check(asked: &ConfigCheck) -> Result<ExitCode, Failure> {
    if let Some(file) = asked.file.as_ref().filter(|file| !file.is_file()) {
        return Err(Failure::usage(format!("{} is not there", file.display()), "crow config template writes one"));
    }
    let faults = config::faults(asked.file.as_deref());
    for fault in &faults {
        output::write(fault)?;
    }
    if faults.is_empty() {
        output::write("nothing is wrong")?;
    }
    Ok(ExitCode::from(u8::from(!faults.is_empty())))
}

fn explain() -> Result<ExitCode, Failure> {
    let mut lines = settings::origins();
    let ways = alerting::ways().map_or_else(
        |failure| failure.to_string(),
        |ways| {
            if ways.is_empty() {
                "none".to_owned()
            } else {
                ways.iter().map(alerting::Way::name).collect::<Vec<_>>().join(", ")
            }
        },
    );
    lines.push(("ways out for alerts", ways, "[alerts] in the configuration file".to_owned()));
    for (what, value, origin) in lines {
        output::write(&format!("{what:<22}{value}\n{:<22}  from {origin}", ""))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_template_is_well_formed_as_it_stands_and_with_everything_in_force() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        let key = dir.path().join("key");
        std::fs::write(&key, "k").expect("written");
        let faults = |text: &str| {
            std::fs::write(&file, text).expect("written");
            config::faults(Some(Path::new(&file)))
        };
        assert_eq!(faults(TEMPLATE), [""; 0]);
        let is_setting = |line: &&str| line.starts_with("# [") || (line.starts_with("# ") && line.contains(" = "));
        let all: Vec<&str> = TEMPLATE.lines().filter(is_setting).map(|line| &line[2..]).collect();
        assert!(all.len() >= 9, "{all:?}");
        let all = all.join("\n").replace("/etc/crow/pagerduty.key", &key.to_string_lossy());
        assert_eq!(faults(&all), [""; 0]);
        assert_eq!(faults("[keys]\nfreeze = \"a\"\n[alerts]\ncommand = []\n").len(), 2);
    }
}
