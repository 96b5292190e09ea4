//! `crow profile`: manages named platforms and their credentials. Secrets are never stored in the configuration and
//! never taken from the command line.

pub(super) mod credential;
pub(super) mod safe;
pub(super) mod shelf;

use super::arguments::profile::{Add, AddKey, List, Named, NamedKey, Profile as Asked};
use super::diagnose::print;
use super::failure::Failure;
use crate::domain::key;
use crate::domain::secret::Secret;
use crate::text::count;
use credential::Source;
use shelf::{Kept, Kind, Profile, Shelf};
use std::process::ExitCode;

pub(super) fn run(asked: &Asked) -> Result<ExitCode, Failure> {
    match asked {
        Asked::Add(asked) => add(asked)?,
        Asked::Key(asked) => add_key(asked)?,
        Asked::Forget(asked) => forget(asked)?,
        Asked::List(asked) => list(asked)?,
        Asked::Show(asked) => show(asked)?,
        Asked::Use(asked) => {
            let mut shelf = Shelf::open()?;
            shelf.find(&asked.profile)?;
            shelf.choose(&asked.profile)?;
            print(&format!("profile {} is now the default", asked.profile))?;
        }
        Asked::Remove(asked) => remove(asked)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(asked: &Add) -> Result<(), Failure> {
    let mut shelf = Shelf::open()?;
    if shelf.profiles().any(|(name, _)| name == asked.profile) {
        return Err(Failure::usage(
            format!("profile {} already exists", asked.profile),
            "remove it with crow profile remove, or add a key to it with crow profile key",
        ));
    }
    credential::check_transport(&asked.url, asked.allow_http)?;
    let source = Source::of(asked.key_file.as_deref(), asked.token_file.as_deref());
    let (kind, secret) = source.read()?;
    let name = asked.key.clone().unwrap_or_else(|| match kind {
        Kind::Key => format!("key {}", secret.last4().replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
        Kind::Token => "operator".to_owned(),
    });
    let kept = keep(&asked.profile, &name, kind, &secret, asked.keep)?;
    let profile = Profile {
        url: asked.url.trim_end_matches('/').to_owned(),
        access: asked.access,
        budget_percent: asked.budget,
        colour: asked.colour,
        production: asked.production,
        allow_http: asked.allow_http,
        credentials: vec![kept],
    };
    shelf.put(&asked.profile, &profile)?;
    let used = if shelf.chosen() == Some(asked.profile.as_str()) { "; it is the default" } else { "" };
    print(&format!("profile {} added for {}{used}", asked.profile, asked.url))
}

fn add_key(asked: &AddKey) -> Result<(), Failure> {
    let mut shelf = Shelf::open()?;
    let mut profile = shelf.find(&asked.profile)?.clone();
    let source = Source::of(asked.key_file.as_deref(), asked.token_file.as_deref());
    let (kind, secret) = source.read()?;
    let before: Vec<Kept> = profile.credentials.extract_if(.., |kept| kept.name == asked.key).collect();
    let kept = keep(&asked.profile, &asked.key, kind, &secret, asked.keep)?;
    for old in before.iter().filter(|old| old.kept != kept.kept) {
        safe::forget(&asked.profile, old)?;
    }
    profile.credentials.push(kept);
    shelf.put(&asked.profile, &profile)
}

/// Stores a credential and prints where it is.
fn keep(profile: &str, name: &str, kind: Kind, secret: &Secret, wish: Option<shelf::Place>) -> Result<Kept, Failure> {
    let (place, why) = safe::put(profile, name, secret, wish)?;
    let kept = Kept { name: name.to_owned(), kind, kept: place };
    let what = match (kind, key::parse_key_company(secret.reveal())) {
        (Kind::Key, Ok(company)) => format!("key {name} of company {company}, ending in {}", secret.last4()),
        _ => format!("{} {name}, ending in {}", kind.name(), secret.last4()),
    };
    let why = why.map_or_else(String::new, |why| format!("{why}; "));
    print(&format!("{why}{what}, is stored {}", safe::whereabouts(profile, &kept)?))?;
    Ok(kept)
}

fn forget(asked: &NamedKey) -> Result<(), Failure> {
    let mut shelf = Shelf::open()?;
    let mut profile = shelf.find(&asked.profile)?.clone();
    let gone: Vec<Kept> = profile.credentials.extract_if(.., |kept| kept.name == asked.key).collect();
    if gone.is_empty() {
        let known: Vec<&str> = profile.credentials.iter().map(|kept| kept.name.as_str()).collect();
        return Err(Failure::usage(
            format!("profile {} has no key {}; it has {}", asked.profile, asked.key, known.join(", ")),
            "use one of these",
        ));
    }
    for kept in &gone {
        safe::forget(&asked.profile, kept)?;
    }
    shelf.put(&asked.profile, &profile)?;
    print(&format!(
        "{} of profile {} deleted; the key itself stays valid until it is revoked",
        asked.key, asked.profile
    ))
}

fn remove(asked: &Named) -> Result<(), Failure> {
    let mut shelf = Shelf::open()?;
    let profile = shelf.find(&asked.profile)?.clone();
    for kept in &profile.credentials {
        safe::forget(&asked.profile, kept)?;
    }
    shelf.remove(&asked.profile)?;
    let n = count(profile.credentials.len(), "stored key");
    print(&format!("profile {} removed with {n}; keys stay valid until they are revoked", asked.profile))
}

fn list(asked: &List) -> Result<(), Failure> {
    let shelf = Shelf::open()?;
    if asked.json {
        let profiles: Vec<serde_json::Value> =
            shelf.profiles().map(|(name, profile)| json(name, profile, shelf.chosen())).collect();
        return print(&serde_json::json!({ "schema": "crow.profiles/1", "profiles": profiles }).to_string());
    }
    for (name, profile) in shelf.profiles() {
        let mark = if shelf.chosen() == Some(name) { "*" } else { " " };
        let production = if profile.production { "  production" } else { "" };
        let n = profile.credentials.len();
        let keys = if n == 1 { "1 key".to_owned() } else { format!("{n} keys") };
        print(&format!("{mark} {name:<20} {:<40} {:<9} {keys}{production}", profile.url, profile.access.name()))?;
    }
    Ok(())
}

/// Formats a profile as JSON. A profile holds no secrets, so the document has none.
fn json(name: &str, profile: &Profile, chosen: Option<&str>) -> serde_json::Value {
    let credentials: Vec<serde_json::Value> = profile
        .credentials
        .iter()
        .map(|kept| serde_json::json!({ "name": kept.name, "kind": kept.kind.name(), "kept": kept.kept.name() }))
        .collect();
    serde_json::json!({
        "name": name, "url": profile.url, "access": profile.access.name(), "budgetPercent": profile.budget_percent,
        "colour": profile.colour.map(shelf::Hue::name), "production": profile.production,
        "isDefault": chosen == Some(name), "credentials": credentials,
    })
}

fn show(asked: &Named) -> Result<(), Failure> {
    let shelf = Shelf::open()?;
    let profile = shelf.find(&asked.profile)?;
    let yes = |is: bool| if is { "yes" } else { "no" };
    print(&format!("profile      {}", asked.profile))?;
    print(&format!("platform     {}", profile.url))?;
    print(&format!("access       {}", profile.access.name()))?;
    print(&format!("budget       {} % of each rate limit", profile.budget_percent))?;
    print(&format!("production   {}", yes(profile.production)))?;
    if profile.allow_http {
        print("allow-http   yes: keys are sent over plain http to another machine")?;
    }
    print(&format!("colour       {}", profile.colour.map_or("the theme's", shelf::Hue::name)))?;
    print(&format!("default      {}", yes(shelf.chosen() == Some(asked.profile.as_str()))))?;
    for kept in &profile.credentials {
        let place = safe::whereabouts(&asked.profile, kept)?;
        print(&format!("{:<12} {}, {place}", kept.kind.name(), kept.name))?;
    }
    Ok(())
}
