//! First start: `crow` without a command, without a profile and without a platform of its own asks on the terminal what
//! to open.

use super::arguments::console::StandaloneArgs;
use super::arguments::{CliArgs, CliCommand};
use super::failure::CommandFailure;
use super::profile::profile_store::ProfileStore;
use super::remote::{self, PlatformTarget};
use super::{demo, output, portal, profile, settings};
use crate::client::connection::{PlatformClient, parse_base};
use crate::domain::scope::KeyScope;
use crate::wire::changes;
use crate::wire::keys::{CreatedKey, KeyRow, NewCompany, NewKey};
use clap::Parser as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use url::Host;

/// Maximum number of times that a question is asked again after an answer that cannot be used.
const MAX_TRIES: usize = 5;

const CHOICES: &str = "crow has no profile yet. What should it open?

  1  the demo: a simulated company on this machine
  2  a platform elsewhere: you need its address, and a key or an operator token
  3  a platform of your own on this machine, with a first company and key
  q  nothing
";

/// What to open at the first start.
pub(super) enum FirstChoice {
    /// A command that ran to its end.
    Done(ExitCode),
    /// The profile that was added.
    Profile(Box<PlatformTarget>),
    /// A platform in the data directory, with its first company and key.
    OwnPlatform(FirstCompany),
}

/// Names of the first company and its key.
#[derive(Debug)]
pub(super) struct FirstCompany {
    company: String,
    key: String,
}

/// Whether this is a first start on a terminal: nothing was configured, and no platform runs in the data directory.
pub(super) fn is_first_start(asked: &StandaloneArgs) -> Result<bool, CommandFailure> {
    let is_asked = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !asked.look.plain;
    if !is_asked || asked.data.is_some() {
        return Ok(false);
    }
    let has_profile = ProfileStore::open()?.profiles().next().is_some();
    Ok(!has_profile && !settings::platform_database(&settings::data_dir()?).exists())
}

/// Asks what to open, and prepares it.
pub(super) async fn choose() -> Result<FirstChoice, CommandFailure> {
    output::print_safe(CHOICES)?;
    let choice = ask("Choice", Some("1"), |answer| match answer {
        "1" | "2" | "3" | "q" => Ok(()),
        _ => Err("type 1, 2, 3 or q".to_owned()),
    })?;
    match choice.as_str() {
        "1" => run_demo().await.map(FirstChoice::Done),
        "2" => add_profile().await.map(|place| FirstChoice::Profile(Box::new(place))),
        "3" => {
            let is_name = |answer: &str| (1..=100).contains(&answer.chars().count()).then_some(()).ok_or_else(length);
            let company = ask("Name of the company", Some("My company"), is_name)?;
            let key = ask("Name of its key", Some("Main"), is_name)?;
            Ok(FirstChoice::OwnPlatform(FirstCompany { company, key }))
        }
        _ => Ok(FirstChoice::Done(ExitCode::SUCCESS)),
    }
}

fn length() -> String {
    "type 1 to 100 characters".to_owned()
}

async fn run_demo() -> Result<ExitCode, CommandFailure> {
    match parse(&["demo"])? {
        CliCommand::Demo(asked) => demo::run(asked).await,
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Adds a profile from answers, and shows what its key may do.
async fn add_profile() -> Result<PlatformTarget, CommandFailure> {
    let url = ask("Address of the platform (https://HOST)", None, |answer| {
        parse_base(answer).map(|_| ()).map_err(|error| error.to_string())
    })?;
    let suggested = suggest_name(&url);
    let is_name =
        |answer: &str| parse(&["profile", "show", answer]).map(|_| ()).map_err(|why| why.description().to_owned());
    let name = ask("Name of the profile", Some(&suggested), is_name)?;
    if let CliCommand::Profile(asked) = parse(&["profile", "add", &name, "--url", &url])? {
        profile::run(&asked)?;
    }
    let platform = portal::open(remote::profile_target(&name)?).await?;
    if platform.history().is_some() {
        output::remark("crow: asking the platform what the key may do");
        platform.poll_once().await;
        for key in platform.client().keys().await?.items {
            output::print_safe(&scope_line(&key))?;
        }
    }
    remote::profile_target(&name)
}

/// Describes what a key may do, as far as the platform answered.
fn scope_line(key: &KeyRow) -> String {
    let list = |scopes: &[KeyScope]| scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    let missing = key.missing_scopes.as_deref().unwrap_or_default();
    let mut text = format!("{}: ", key.name.sanitized());
    match (key.scopes.is_empty(), missing.is_empty()) {
        (true, true) => text.push_str("its scopes are not known yet; pane 2 shows them"),
        (true, false) => text.push_str("it has no scope that crow can check"),
        (false, _) => text.push_str(&format!("may {}", list(&key.scopes))),
    }
    if !missing.is_empty() {
        text.push_str(&format!("; lacks {}", list(missing)));
    }
    text
}

/// Suggests the first part of the host as the name of a profile.
fn suggest_name(url: &str) -> String {
    let parsed = parse_base(url).ok();
    match parsed.as_ref().and_then(url::Url::host) {
        Some(Host::Domain(name)) => name.split('.').next().unwrap_or("platform").to_owned(),
        _ => "platform".to_owned(),
    }
}

impl FirstCompany {
    /// Creates the company and a key with all scopes, and shows the key once.
    pub(super) async fn create(self, client: &PlatformClient) -> Result<(), CommandFailure> {
        let company = client.change(&changes::CREATE_COMPANY, &NewCompany { name: self.company }).await?;
        let wish = NewKey { company_id: company.id, name: self.key, scopes: KeyScope::ALL.to_vec(), limits: None };
        let CreatedKey { row, key } = client.change(&changes::CREATE_KEY, &wish).await?;
        output::print_safe(&format!(
            "key {} of company {}, with all scopes, is shown only this once:",
            row.id, company.id
        ))?;
        output::print_safe(key.into_secret().reveal())?;
        ask("Store the key, then press Enter", Some(""), |_| Ok(())).map(drop)
    }
}

/// Reads the arguments of another command as if they had been typed.
fn parse(words: &[&str]) -> Result<CliCommand, CommandFailure> {
    let typed = std::iter::once("crow").chain(words.iter().copied());
    let read = CliArgs::try_parse_from(typed)
        .map_err(|error| CommandFailure::usage(super::error_summary(&error), "see crow --help"))?;
    read.command.ok_or_else(|| CommandFailure::usage("no command", "see crow --help"))
}

/// Asks a question until `check` accepts the answer. An empty answer takes `default`.
fn ask(
    question: &str,
    default: Option<&str>,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, CommandFailure> {
    let given = default.filter(|default| !default.is_empty()).map_or_else(String::new, |text| format!(" [{text}]"));
    for _ in 0..MAX_TRIES {
        output::prompt(&format!("{question}{given}: "))?;
        let answer = read_answer()?;
        let answer = match (answer.trim(), default) {
            ("", Some(default)) => default,
            (typed, _) => typed,
        };
        match check(answer) {
            Ok(()) => return Ok(answer.to_owned()),
            Err(why) => output::remark(&why),
        }
    }
    Err(CommandFailure::usage("no valid answer", "see crow --help for the commands"))
}

/// Reads an answer; the end of the input ends the questions.
fn read_answer() -> Result<String, CommandFailure> {
    match output::read_line() {
        Ok(line) if line.is_empty() => {
            Err(CommandFailure::usage("the input ended", "see crow --help for the commands"))
        }
        Ok(line) => Ok(line),
        Err(error) => Err(CommandFailure::usage(format!("cannot read the terminal: {error}"), "try again")),
    }
}
