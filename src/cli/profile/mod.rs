//! `crow profile`: manages named platforms and their credentials. Secrets are never stored in the configuration and
//! never taken from the command line.

pub(super) mod credential;
#[cfg(target_os = "macos")]
mod keychain;
mod keyring_error;
pub(super) mod profile_store;
pub(super) mod secret_store;
#[cfg(not(target_os = "macos"))]
mod secret_tool;

use super::arguments::profile::{
    AddProfileArgs, AddProfileKeyArgs, ListProfilesArgs, ProfileCommand as Asked, ProfileKeyArgs, ProfileNameArgs,
};
use super::failure::CommandFailure;
use super::output::print_safe;
use crate::domain::key;
use crate::domain::secret::Secret;
use crate::text::count;
use credential::CredentialSource;
use profile_store::{CredentialKind, CredentialRef, PlatformProfile, ProfileStore};
use std::process::ExitCode;

pub(super) fn run(asked: &Asked) -> Result<ExitCode, CommandFailure> {
    match asked {
        Asked::Add(asked) => add(asked)?,
        Asked::Key(asked) => add_key(asked)?,
        Asked::Forget(asked) => forget(asked)?,
        Asked::List(asked) => list(asked)?,
        Asked::Show(asked) => show(asked)?,
        Asked::Use(asked) => {
            let mut shelf = ProfileStore::open()?;
            shelf.find(&asked.profile)?;
            shelf.set_default(&asked.profile)?;
            print_safe(&format!("profile {} is now the default", asked.profile))?;
        }
        Asked::Remove(asked) => remove(asked)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(asked: &AddProfileArgs) -> Result<(), CommandFailure> {
    let mut shelf = ProfileStore::open()?;
    if shelf.profiles().any(|(name, _)| name == asked.profile) {
        return Err(CommandFailure::usage(
            format!("profile {} already exists", asked.profile),
            "remove it with crow profile remove, or add a key to it with crow profile key",
        ));
    }
    credential::check_transport(&asked.url, asked.allow_http)?;
    let source = CredentialSource::from_args(asked.key_file.as_deref(), asked.token_file.as_deref());
    let (kind, secret) = source.read()?;
    let name = asked.key.clone().unwrap_or_else(|| match kind {
        CredentialKind::Key => format!("key {}", secret.last4().replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
        CredentialKind::Token => "operator".to_owned(),
    });
    let kept = store_credential(&asked.profile, &name, kind, &secret, asked.keep)?;
    let profile = PlatformProfile {
        url: asked.url.trim_end_matches('/').to_owned(),
        access: asked.access,
        budget_percent: asked.budget,
        colour: asked.colour,
        production: asked.production,
        allow_http: asked.allow_http,
        trust_ca: credential::absolute_ca_files(&asked.trust_ca)?,
        credentials: vec![kept],
    };
    shelf.put(&asked.profile, &profile)?;
    let used = if shelf.default_name() == Some(asked.profile.as_str()) { "; it is the default" } else { "" };
    print_safe(&format!("profile {} added for {}{used}", asked.profile, asked.url))
}

fn add_key(asked: &AddProfileKeyArgs) -> Result<(), CommandFailure> {
    let mut shelf = ProfileStore::open()?;
    let mut profile = shelf.find(&asked.profile)?.clone();
    let source = CredentialSource::from_args(asked.key_file.as_deref(), asked.token_file.as_deref());
    let (kind, secret) = source.read()?;
    let before: Vec<CredentialRef> = profile.credentials.extract_if(.., |kept| kept.name == asked.key).collect();
    let kept = store_credential(&asked.profile, &asked.key, kind, &secret, asked.keep)?;
    for old in before.iter().filter(|old| old.kept != kept.kept) {
        secret_store::forget(&asked.profile, old)?;
    }
    profile.credentials.push(kept);
    shelf.put(&asked.profile, &profile)
}

/// Stores a credential and prints where it is.
fn store_credential(
    profile: &str,
    name: &str,
    kind: CredentialKind,
    secret: &Secret,
    wish: Option<profile_store::SecretBackend>,
) -> Result<CredentialRef, CommandFailure> {
    let (place, why) = secret_store::put(profile, name, secret, wish)?;
    let kept = CredentialRef { name: name.to_owned(), kind, kept: place };
    let what = match (kind, key::parse_key_company(secret.reveal())) {
        (CredentialKind::Key, Ok(company)) => format!("key {name} of company {company}, ending in {}", secret.last4()),
        _ => format!("{} {name}, ending in {}", kind.name(), secret.last4()),
    };
    let why = why.map_or_else(String::new, |why| format!("{why}; "));
    print_safe(&format!("{why}{what}, is stored {}", secret_store::location_text(profile, &kept)?))?;
    Ok(kept)
}

fn forget(asked: &ProfileKeyArgs) -> Result<(), CommandFailure> {
    let mut shelf = ProfileStore::open()?;
    let mut profile = shelf.find(&asked.profile)?.clone();
    let gone: Vec<CredentialRef> = profile.credentials.extract_if(.., |kept| kept.name == asked.key).collect();
    if gone.is_empty() {
        let known: Vec<&str> = profile.credentials.iter().map(|kept| kept.name.as_str()).collect();
        return Err(CommandFailure::usage(
            format!("profile {} has no key {}; it has {}", asked.profile, asked.key, known.join(", ")),
            "use one of these",
        ));
    }
    for kept in &gone {
        secret_store::forget(&asked.profile, kept)?;
    }
    shelf.put(&asked.profile, &profile)?;
    print_safe(&format!(
        "{} of profile {} deleted; the key itself stays valid until it is revoked",
        asked.key, asked.profile
    ))
}

fn remove(asked: &ProfileNameArgs) -> Result<(), CommandFailure> {
    let mut shelf = ProfileStore::open()?;
    let profile = shelf.find(&asked.profile)?.clone();
    for kept in &profile.credentials {
        secret_store::forget(&asked.profile, kept)?;
    }
    shelf.remove(&asked.profile)?;
    let n = count(profile.credentials.len(), "stored key");
    print_safe(&format!("profile {} removed with {n}; keys stay valid until they are revoked", asked.profile))
}

fn list(asked: &ListProfilesArgs) -> Result<(), CommandFailure> {
    let shelf = ProfileStore::open()?;
    if asked.json {
        let profiles: Vec<serde_json::Value> =
            shelf.profiles().map(|(name, profile)| json(name, profile, shelf.default_name())).collect();
        return print_safe(&serde_json::json!({ "schema": "crow.profiles/1", "profiles": profiles }).to_string());
    }
    for (name, profile) in shelf.profiles() {
        let mark = if shelf.default_name() == Some(name) { "*" } else { " " };
        let production = if profile.production { "  production" } else { "" };
        let n = profile.credentials.len();
        let keys = if n == 1 { "1 key".to_owned() } else { format!("{n} keys") };
        print_safe(&format!("{mark} {name:<20} {:<40} {:<9} {keys}{production}", profile.url, profile.access.name()))?;
    }
    Ok(())
}

/// Formats a profile as JSON. A profile holds no secrets, so the document has none.
fn json(name: &str, profile: &PlatformProfile, chosen: Option<&str>) -> serde_json::Value {
    let credentials: Vec<serde_json::Value> = profile
        .credentials
        .iter()
        .map(|kept| serde_json::json!({ "name": kept.name, "kind": kept.kind.name(), "kept": kept.kept.name() }))
        .collect();
    serde_json::json!({
        "name": name, "url": profile.url, "access": profile.access.name(), "budgetPercent": profile.budget_percent,
        "colour": profile.colour.map(profile_store::HeaderColour::name), "production": profile.production,
        "isDefault": chosen == Some(name), "trustCa": profile.trust_ca, "credentials": credentials,
    })
}

fn show(asked: &ProfileNameArgs) -> Result<(), CommandFailure> {
    let shelf = ProfileStore::open()?;
    let profile = shelf.find(&asked.profile)?;
    let yes = |is: bool| if is { "yes" } else { "no" };
    print_safe(&format!("profile      {}", asked.profile))?;
    print_safe(&format!("platform     {}", profile.url))?;
    print_safe(&format!("access       {}", profile.access.name()))?;
    print_safe(&format!("budget       {} % of each rate limit", profile.budget_percent))?;
    print_safe(&format!("production   {}", yes(profile.production)))?;
    if profile.allow_http {
        print_safe("allow-http   yes: keys are sent over plain http to another machine")?;
    }
    for file in &profile.trust_ca {
        print_safe(&format!("trust-ca     {}", file.display()))?;
    }
    print_safe(&format!(
        "colour       {}",
        profile.colour.map_or("from the theme", profile_store::HeaderColour::name)
    ))?;
    print_safe(&format!("default      {}", yes(shelf.default_name() == Some(asked.profile.as_str()))))?;
    for kept in &profile.credentials {
        let place = secret_store::location_text(&asked.profile, kept)?;
        print_safe(&format!("{:<12} {}, {place}", kept.kind.name(), kept.name))?;
    }
    Ok(())
}
