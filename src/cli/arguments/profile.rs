//! Arguments of `crow profile`, which manages named platforms.

use crate::cli::profile::profile_store::{DEFAULT_BUDGET_PERCENT, HeaderColour, ProfileAccess, SecretBackend};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ProfileCommand {
    /// Add a profile for a platform, and store its key in the keyring or in a file that only you can read
    Add(AddProfileArgs),
    /// Add a key to a profile, or replace one
    Key(AddProfileKeyArgs),
    /// Delete a key of a profile
    Forget(ProfileKeyArgs),
    /// List the profiles; a star marks the default one
    List(ListProfilesArgs),
    /// Show a profile and where its keys are stored, never the keys
    Show(ProfileNameArgs),
    /// Make a profile the default one
    Use(ProfileNameArgs),
    /// Remove a profile and delete its keys
    Remove(ProfileNameArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AddProfileArgs {
    /// Name of the new profile
    #[arg(value_name = "PROFILE", value_parser = parse_name)]
    pub(in crate::cli) profile: String,
    /// Address of the platform, such as https://HOST
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: String,
    /// Name of the key; its last four characters if absent
    #[arg(long, value_name = "NAME", value_parser = parse_key_name, allow_hyphen_values = true)]
    pub(in crate::cli) key: Option<String>,
    /// File with a key of the Integration API; - for standard input. Without a file, crow prompts for the key and does
    /// not show it
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// File with an operator token of the Portal API; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Where to store the key. Default: the keyring if there is one, otherwise a file
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(in crate::cli) keep: Option<SecretBackend>,
    /// Whether the console may change things on this platform
    #[arg(long, value_enum, value_name = "WHAT", default_value = "read-only")]
    pub(in crate::cli) access: ProfileAccess,
    /// Share of each rate limit that the console may use, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_BUDGET_PERCENT, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(in crate::cli) budget: u8,
    /// Colour of the header, to tell platforms apart
    #[arg(long, value_enum, value_name = "COLOUR")]
    pub(in crate::cli) colour: Option<HeaderColour>,
    /// Treat the platform as production: the header says so, and every action is confirmed by typing the number of
    /// items it changes
    #[arg(long)]
    pub(in crate::cli) production: bool,
    /// File with a certificate authority (PEM) to trust in addition to those of the operating system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Permit sending the key to another machine over plain http, where it can be read in transit
    #[arg(long)]
    pub(in crate::cli) allow_http: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AddProfileKeyArgs {
    /// Name of the profile to change
    #[arg(value_name = "PROFILE", value_parser = parse_name)]
    pub(in crate::cli) profile: String,
    /// Name of the key within the profile
    #[arg(value_name = "NAME", value_parser = parse_key_name, allow_hyphen_values = true)]
    pub(in crate::cli) key: String,
    /// File with a key of the Integration API; - for standard input. Without a file, crow prompts for the key and does
    /// not show it
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// File with an operator token of the Portal API; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Where to store the key. Default: the keyring if there is one, otherwise a file
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(in crate::cli) keep: Option<SecretBackend>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProfileKeyArgs {
    /// Name of the profile that holds the key
    #[arg(value_name = "PROFILE", value_parser = parse_name)]
    pub(in crate::cli) profile: String,
    /// Name of the key within the profile
    #[arg(value_name = "NAME", value_parser = parse_key_name, allow_hyphen_values = true)]
    pub(in crate::cli) key: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProfileNameArgs {
    /// Name of the profile
    #[arg(value_name = "PROFILE", value_parser = parse_name)]
    pub(in crate::cli) profile: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListProfilesArgs {
    /// Write the list as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Parses the name of a key. It may begin with a hyphen or an underscore, because the last four characters of a key do.
fn parse_key_name(text: &str) -> Result<String, String> {
    parse_name(text.trim_start_matches(['-', '_'])).map(|_| text.to_owned())
}

/// Parses a profile name. A name can be a file name: 1 to 64 letters, digits, spaces, dots, dashes and
/// underscores, beginning with a letter or a digit and not ending with a space.
fn parse_name(text: &str) -> Result<String, String> {
    let is_fit = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_'));
    if is_fit {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 64 letters, digits, spaces, dots, dashes and underscores, beginning with a letter or digit"
            .to_owned())
    }
}
