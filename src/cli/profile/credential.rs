//! Input of a key or a token: from a file, from standard input, or prompted for without showing it.

use super::profile_store::CredentialKind;
use crate::cli::failure::CommandFailure;
use crate::client::connection::{bare_http_client_trusting, parse_base};
use crate::domain::key;
use crate::domain::secret::Secret;
use crate::files;
use crate::tui::runtime::prompt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Prefix of an operator token.
const TOKEN_PREFIX: &str = "wlop_";

/// Source that a credential is read from.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum CredentialSource<'a> {
    /// File with a key, alone on one line; `-` is standard input.
    Key(&'a Path),
    /// File with an operator token; `-` is standard input.
    Token(&'a Path),
    /// Prompt on the terminal, for a key or a token.
    Prompt,
}

impl<'a> CredentialSource<'a> {
    /// Chooses the source that the arguments name; the prompt if they name none.
    pub(in crate::cli) fn from_args(key: Option<&'a Path>, token: Option<&'a Path>) -> Self {
        key.map(Self::Key).or(token.map(Self::Token)).unwrap_or(Self::Prompt)
    }

    /// Reads the credential. A prompted one is a token if it has a token's prefix, otherwise a key.
    pub(super) fn read(self) -> Result<(CredentialKind, Secret), CommandFailure> {
        match self {
            Self::Key(path) => {
                let secret = read_single_secret(path, "an API key")?;
                check_key_format(&secret, &path.display().to_string())?;
                Ok((CredentialKind::Key, secret))
            }
            Self::Token(path) => Ok((CredentialKind::Token, read_token(path)?)),
            Self::Prompt => {
                let secret = prompt_credential()?;
                if secret.reveal().starts_with(TOKEN_PREFIX) {
                    return Ok((CredentialKind::Token, secret));
                }
                check_key_format(&secret, "the input")?;
                Ok((CredentialKind::Key, secret))
            }
        }
    }
}

fn check_key_format(secret: &Secret, whose: &str) -> Result<(), CommandFailure> {
    key::parse_key_company(secret.reveal()).map(|_| ()).map_err(|fault| {
        CommandFailure::usage(format!("{whose}: {}", crate::text::key::malformed(fault)), "copy the whole key again")
    })
}

/// Parses the address of a platform.
pub(in crate::cli) fn parse_platform_url(text: &str) -> Result<Url, CommandFailure> {
    parse_base(text)
        .map_err(|error| CommandFailure::usage(error.to_string(), "write https://HOST or http://127.0.0.1:PORT"))
}

/// Refuses to send a credential over plain http to another machine, unless that is allowed explicitly.
pub(in crate::cli) fn check_transport(url: &str, allow_http: bool) -> Result<(), CommandFailure> {
    let url = parse_platform_url(url)?;
    if url.scheme() == "https" || allow_http || is_loopback(&url) {
        return Ok(());
    }
    Err(CommandFailure::usage(
        format!("{url} would send the key unencrypted"),
        "use https://, or add --allow-http on a trusted network",
    ))
}

/// Returns files with certificate authorities by their absolute paths, as a profile stores them, after checking that
/// each can be used.
pub(in crate::cli) fn absolute_ca_files(files: &[PathBuf]) -> Result<Vec<PathBuf>, CommandFailure> {
    bare_http_client_trusting(files).map_err(|error| {
        CommandFailure::usage(error.to_string(), "give a PEM file with the certificate of the authority")
    })?;
    let absolute = |file: &PathBuf| {
        std::path::absolute(file)
            .map_err(|error| CommandFailure::usage(format!("{}: {error}", file.display()), "give an absolute path"))
    };
    files.iter().map(absolute).collect()
}

/// Checks whether an address belongs to this machine.
pub(in crate::cli) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads an operator token from a file.
pub(in crate::cli) fn read_token(path: &Path) -> Result<Secret, CommandFailure> {
    let secret = read_single_secret(path, "an operator token")?;
    if !secret.reveal().starts_with(TOKEN_PREFIX) {
        let what = format!("{}: not an operator token", path.display());
        return Err(CommandFailure::usage(what, "give a file with an operator token, or a key with --key-file"));
    }
    Ok(secret)
}

/// Reads a secret that must be alone in a file; `-` is standard input.
pub(in crate::cli) fn read_single_secret(path: &Path, what: &str) -> Result<Secret, CommandFailure> {
    let refused =
        |why: &str| CommandFailure::usage(format!("{}: {why}", path.display()), format!("give a file with {what}"));
    let bytes = files::read_named(path, files::MAX_SECRET_BYTES).map_err(|error| refused(&error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("not UTF-8 text"))?;
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.contains(char::is_whitespace) {
        return Err(refused("must contain a single value"));
    }
    Ok(Secret::new(trimmed.to_owned()))
}

fn prompt_credential() -> Result<Secret, CommandFailure> {
    let what_to_do = "give it with --key-file FILE or --token-file FILE, - for standard input";
    if !std::io::stdin().is_terminal() {
        return Err(CommandFailure::usage("cannot prompt for the key: standard input is not a terminal", what_to_do));
    }
    match prompt::secret("key (wlcro_…) or operator token (wlop_…)") {
        Ok(Some(secret)) if !secret.reveal().is_empty() => Ok(secret),
        Ok(_) => Err(CommandFailure::usage("no key given", what_to_do)),
        Err(error) => Err(CommandFailure::usage(format!("cannot read the terminal: {error}"), what_to_do)),
    }
}
