//! Platforms by name.

use crate::cli::profile::shelf::{Allowed, BUDGET, Hue, Place};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Profile {
    /// Give a platform a name, and keep a key to it in the keyring, else in a file that only you can read
    Add(Add),
    /// Keep another key in a profile, or another value of one that is there
    Key(AddKey),
    /// Forget a key of a profile
    Forget(NamedKey),
    /// List the profiles; the one that is used when none is named has a star
    List(List),
    /// Show a profile and where its keys are kept; never a key
    Show(Named),
    /// Have this profile used when none is named
    Use(Named),
    /// Remove a profile and forget its keys
    Remove(Named),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// What the profile is to be called
    #[arg(value_name = "PROFILE", value_parser = name)]
    pub(in crate::cli) profile: String,
    /// The platform's address: https://HOST
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) url: String,
    /// What the key is to be called; after its last four characters if absent
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(in crate::cli) key: Option<String>,
    /// The file that holds a key of the Integration API; - for standard input. Without a file it is asked for and not shown
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// The file that holds an operator's token of the Portal API; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Where the key is to be kept; in the keyring if there is one, else in a file, if nothing is said
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(in crate::cli) keep: Option<Place>,
    /// What the console may do
    #[arg(long, value_enum, value_name = "WHAT", default_value = "read-only")]
    pub(in crate::cli) access: Allowed,
    /// The part of each rate window that the console may use, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = BUDGET, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(in crate::cli) budget: u8,
    /// The colour of the header, so that platforms look different
    #[arg(long, value_enum, value_name = "COLOUR")]
    pub(in crate::cli) colour: Option<Hue>,
    /// This platform is a production one: the header says so, and every action wants the number of things it changes typed
    #[arg(long)]
    pub(in crate::cli) production: bool,
    /// Send the key over plain http to another machine too, where anybody on the way can read it
    #[arg(long)]
    pub(in crate::cli) allow_http: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AddKey {
    /// The profile
    #[arg(value_name = "PROFILE", value_parser = name)]
    pub(in crate::cli) profile: String,
    /// What the key is called
    #[arg(value_name = "NAME", value_parser = name)]
    pub(in crate::cli) key: String,
    /// The file that holds a key of the Integration API; - for standard input. Without a file it is asked for and not shown
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(in crate::cli) key_file: Option<PathBuf>,
    /// The file that holds an operator's token of the Portal API; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Where the key is to be kept; in the keyring if there is one, else in a file, if nothing is said
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(in crate::cli) keep: Option<Place>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct NamedKey {
    /// The profile
    #[arg(value_name = "PROFILE", value_parser = name)]
    pub(in crate::cli) profile: String,
    /// What the key is called
    #[arg(value_name = "NAME", value_parser = name)]
    pub(in crate::cli) key: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Named {
    /// The profile
    #[arg(value_name = "PROFILE", value_parser = name)]
    pub(in crate::cli) profile: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Names can be file names: 1 to 64 letters, digits, spaces, dots, dashes and underscores, beginning with a letter or a digit.
fn name(text: &str) -> Result<String, String> {
    let is_fit = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_'));
    if is_fit {
        Ok(text.to_owned())
    } else {
        Err("write at most 64 letters, digits, spaces, dots and dashes".to_owned())
    }
}
