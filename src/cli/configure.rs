//! `crow config`: writes a template, checks the configuration, and explains what is in effect.

use super::arguments::setup::{ConfigCheckArgs, ConfigCommand};
use super::failure::CommandFailure;
use super::{alerting, config, output, settings};
use crate::domain::text::Untrusted;
use std::process::ExitCode;

/// Configuration file with every setting, commented out.
const CONFIG_TEMPLATE: &str = include_str!("../../assets/config.example.toml");

pub(super) fn run(asked: &ConfigCommand) -> Result<ExitCode, CommandFailure> {
    match asked {
        ConfigCommand::Template => {
            output::write(CONFIG_TEMPLATE.trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Check(asked) => check_config(asked),
        ConfigCommand::Explain => explain_settings(),
    }
}

fn check_config(asked: &ConfigCheckArgs) -> Result<ExitCode, CommandFailure> {
    if let Some(file) = asked.file.as_ref().filter(|file| !file.is_file()) {
        return Err(CommandFailure::usage(
            format!("{} does not exist", file.display()),
            "crow config template writes one",
        ));
    }
    let faults = config::config_faults(asked.file.as_deref());
    for fault in &faults {
        output::write(fault)?;
    }
    if faults.is_empty() {
        let file = asked.file.clone().or_else(settings::config_file).filter(|file| file.is_file());
        output::write(&file.map_or_else(
            || "no configuration file; defaults apply".to_owned(),
            |file| format!("no problem found in {}", Untrusted::new(file.display().to_string()).sanitized()),
        ))?;
    }
    Ok(ExitCode::from(u8::from(!faults.is_empty())))
}

/// Word for alert destinations that are not configured.
const NO_DESTINATION: &str = "none";

fn explain_settings() -> Result<ExitCode, CommandFailure> {
    let mut lines = settings::effective_settings();
    let ways = alerting::configured_channels().map_or_else(
        |failure| failure.to_string(),
        |ways| {
            if ways.is_empty() {
                NO_DESTINATION.to_owned()
            } else {
                ways.iter().map(alerting::AlertChannel::name).collect::<Vec<_>>().join(", ")
            }
        },
    );
    let origin = if ways == NO_DESTINATION {
        "default, as [alerts] is not configured"
    } else {
        "[alerts] in the configuration file"
    };
    lines.push(("alert destinations", ways, origin.to_owned()));
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
            config::config_faults(Some(Path::new(&file)))
        };
        assert_eq!(faults(CONFIG_TEMPLATE), [""; 0]);
        let is_setting = |line: &&str| line.starts_with("# [") || (line.starts_with("# ") && line.contains(" = "));
        let all: Vec<&str> = CONFIG_TEMPLATE.lines().filter(is_setting).map(|line| &line[2..]).collect();
        assert!(all.len() >= 9, "{all:?}");
        let all = all.join("\n").replace("/etc/crow/pagerduty.key", &key.to_string_lossy());
        assert_eq!(faults(&all), [""; 0]);
        assert_eq!(faults("[keys]\nfreeze = \"a\"\n[alerts]\ncommand = []\n").len(), 2);
    }

    #[test]
    fn what_nobody_reads_is_wrong_and_nothing_of_the_file_reaches_a_terminal_raw() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        let wrong = [
            "[alert]\ncommand = [\"x\"]\n",
            "[keyz]\nfreeze = \"z\"\n",
            "[theme]\n",
            "prfile = \"x\"\n",
            "profile = \"none\"\n",
            "[profiles.a]\nurl = 5\n",
            "[profiles.a]\nurl = \"http://127.0.0.1:1\"\nacces = \"act\"\n",
            "[alerts]\ncomand = []\n",
            "[keys]\n\"\\u001b[2J\" = \"z\"\n",
            "\"\\u001b[2J\" = 1\n",
            "[keys]\nfreeze = \"\\u001b[2J\"\n",
            "[keys\n",
        ];
        for text in wrong {
            std::fs::write(&file, text).expect("written");
            let faults = config::config_faults(Some(&file));
            assert_eq!(faults.len(), 1, "{text:?}: {faults:?}");
            assert!(!faults[0].contains(char::is_control), "{faults:?}");
        }
    }
}
