//! What can be asked for on the command line.

use crate::api::report::Topic;
use crate::api::runbook::Runbook;
use crate::demo::scenario::library;
use crate::demo::scenario::script::Script;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Terminal operations console for the WhiteLabelCRO integration platform, with the platform itself embedded.
///
/// Without a command it opens the console on the standalone platform in the data directory.
#[derive(Debug, Parser)]
#[command(name = "crow", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) standalone: Standalone,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the console on a simulated company, with a real platform and real webhooks behind it
    Demo(Demo),
    /// Run the standalone platform without a console
    Serve(Serve),
    /// Open the console on a platform that runs elsewhere
    Console(Console),
    /// Find out why something does not work: exit code 0 no cause found, 1 cause found, 2 could not run
    Diagnose(Diagnose),
    /// Go through a guided piece of work step by step: exit code 0 all done, 1 something remains, 2 could not run
    Runbook(RunbookCall),
    /// Find out why a webhook's signature does not fit: exit code 0 it fits, 1 it does not, 2 could not run
    Verify(Verify),
    /// Write what is known of a failure into a folder or an archive that can be handed on
    Escalate(Escalate),
    /// Show a bundle that escalate wrote, after checking that nothing in it was changed
    Open(Open),
    /// Look after a platform's database: backup, restore, verify, change of key
    #[command(subcommand)]
    Db(Db),
}

#[derive(Debug, Subcommand)]
pub(super) enum Db {
    /// Copy the database to FILE and its key to FILE.key, also while the platform runs
    Backup(DbBackup),
    /// Put a backup in the place of the database, which is kept aside; only while no platform runs
    Restore(DbRestore),
    /// Check the file, states, secrets and the audit trail: exit code 0 all is well, 1 something is wrong, 2 could not look
    Verify(DbVerify),
    /// Seal every secret with a new key; only while no platform runs. Keys and tokens stay valid
    Rekey(DbRekey),
}

#[derive(Debug, Args)]
pub(super) struct DbBackup {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Replace FILE if it is there
    #[arg(long)]
    pub(super) force: bool,
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DbRestore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The platform's data directory; created if absent
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DbVerify {
    /// Answer as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DbRekey {
    /// The platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

/// Which platform, and who asks.
#[derive(Debug, Args)]
pub(super) struct Remote {
    /// The platform's address: http://127.0.0.1:7700
    #[arg(long, value_name = "URL")]
    pub(super) url: String,
    /// The file that holds an operator's token, alone on a line
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: PathBuf,
}

/// What to look at; everything, if nothing is named.
#[derive(Debug, Args)]
pub(super) struct About {
    /// One subscription
    #[arg(long, value_name = "ID", conflicts_with_all = ["key", "company"])]
    pub(super) subscription: Option<i64>,
    /// One key, by its name or its last four characters
    #[arg(long, value_name = "NAME|LAST4", conflicts_with = "company")]
    pub(super) key: Option<String>,
    /// One company
    #[arg(long, value_name = "ID")]
    pub(super) company: Option<i64>,
    /// How far back to look
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = back)]
    pub(super) since: Duration,
}

#[derive(Debug, Args)]
pub(super) struct Diagnose {
    /// What to look into
    #[arg(value_name = "TOPIC", value_parser = topic)]
    pub(super) topic: Topic,
    #[command(flatten)]
    pub(super) about: About,
    /// Keep the answers in this file; where it exists already, go on from it: verdicts stay, what was unknown is asked again
    #[arg(long, value_name = "FILE")]
    pub(super) run: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

#[derive(Debug, Args)]
pub(super) struct RunbookCall {
    /// Which: key-rotation, lost-secret, breaker-recovery, rollback
    #[arg(value_name = "NAME", value_parser = runbook)]
    pub(super) runbook: Runbook,
    #[command(flatten)]
    pub(super) about: About,
    /// Where the run is kept; a file named after it in this directory, if none is named
    #[arg(long, value_name = "FILE")]
    pub(super) run: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// What a receiver has of one webhook. Nothing is decoded, trimmed or written again on its way into the lab.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The file with the body, byte by byte; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(super) body: PathBuf,
    /// The file with the request's headers, one NAME: VALUE a line; other lines are passed over
    #[arg(long, value_name = "FILE", required_unless_present = "signature")]
    pub(super) headers: Option<PathBuf>,
    /// The value of X-Wlcro-Signature, instead of the one in the headers
    #[arg(long, value_name = "TEXT")]
    pub(super) signature: Option<String>,
    /// The value of X-Wlcro-Timestamp, instead of the one in the headers
    #[arg(long, value_name = "SECONDS")]
    pub(super) timestamp: Option<String>,
    /// The file that holds the receiver's signing secret; asked for on the terminal if absent
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// What the receiver computed, if it logs that: tells what its code does differently
    #[arg(long, value_name = "TEXT")]
    pub(super) computed: Option<String>,
    /// The receiver's clock at arrival, in Unix seconds: tells whether the timestamp was too old
    #[arg(long, value_name = "SECONDS")]
    pub(super) received_at: Option<i64>,
    /// A file with a secret that the receiver could hold by mistake, with a name for it; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    pub(super) other: Vec<(String, PathBuf)>,
    /// Answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Escalate {
    #[command(flatten)]
    pub(super) about: About,
    /// One playbook; all that fit, if none is named
    #[arg(long, value_name = "TOPIC", value_parser = topic)]
    pub(super) topic: Option<Topic>,
    /// The folder to write, or an archive if it ends in .zip; it must not exist
    #[arg(long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
    /// Leave out what endpoints answered
    #[arg(long)]
    pub(super) without_bodies: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

#[derive(Debug, Args)]
pub(super) struct Open {
    /// A folder or an archive that escalate wrote
    #[arg(value_name = "BUNDLE")]
    pub(super) bundle: PathBuf,
    /// Show the ticket as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The console on the standalone platform.
#[derive(Debug, Args)]
pub(super) struct Standalone {
    /// Where everything is kept; created if absent
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where the platform listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(super) allow_private_targets: bool,
    /// A PEM file of authorities that receivers' certificates may be signed by, beside those of the operating system; repeatable
    #[arg(long, value_name = "FILE")]
    pub(super) trust_ca: Vec<PathBuf>,
    /// Let the console test, enable and disable; without it, it only looks
    #[arg(long)]
    pub(super) allow_actions: bool,
    #[command(flatten)]
    pub(super) look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Console {
    #[command(flatten)]
    pub(super) remote: Remote,
    /// Let the console test, enable and disable; without it, it only looks
    #[arg(long)]
    pub(super) allow_actions: bool,
    /// This platform is a production one: every action wants the number of things it changes typed
    #[arg(long)]
    pub(super) production: bool,
    #[command(flatten)]
    pub(super) look: Look,
}

/// How the console looks.
#[derive(Debug, Args)]
pub(super) struct Look {
    /// Which colours: terminal (your own), dark, light, colour-blind, mono, or a theme of yours: a file, or its name in the configuration's themes; NO_COLOR selects mono
    #[arg(long, value_name = "NAME")]
    pub(super) theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Draw curves with braille patterns, if your font has them
    #[arg(long)]
    pub(super) braille: bool,
    /// Say what changes in lines instead of drawing screens: for screen readers and pipes
    #[arg(long)]
    pub(super) plain: bool,
    /// Let tabs, rows and the footer be clicked; your terminal then selects text with Shift held
    #[arg(long)]
    pub(super) mouse: bool,
    /// Lay the screen out like this instead of by what fits
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(super) layout: Option<Layout>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Layout {
    /// Dashboard, detail of the selection, and alerts
    Wide,
    /// Two columns
    Normal,
    /// One list with its detail below
    Classic,
    /// One list
    Small,
    /// One list, as few lines as possible
    Tiny,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep everything in this directory instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where the platform listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) bind: SocketAddr,
    /// Show these faults instead of the usual company: names of scenarios, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = scenario)]
    pub(super) scenario: Vec<Script>,
    /// List the scenarios: what each shows, and which playbook explains it
    #[arg(long, conflicts_with_all = ["scenario", "headless", "data"])]
    pub(super) list_scenarios: bool,
    /// Answer --list-scenarios as JSON
    #[arg(long, requires = "list_scenarios")]
    pub(super) json: bool,
    /// Have everything that is left to chance fall out the same for the same number
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// How fast life goes: 2 is twice as fast
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(super) speed: f64,
    /// Run without a terminal: print the platform's address and go on until stopped
    #[arg(long)]
    pub(super) headless: bool,
    #[command(flatten)]
    pub(super) look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where everything is kept; created if absent
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub(super) bind: SocketAddr,
    /// Permit http and private addresses as webhook targets: for development only
    #[arg(long)]
    pub(super) allow_private_targets: bool,
    /// A PEM file of authorities that receivers' certificates may be signed by, beside those of the operating system; repeatable
    #[arg(long, value_name = "FILE")]
    pub(super) trust_ca: Vec<PathBuf>,
    /// The wait before the first retry of a delivery; later ones double up to 480 times this
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = retry_base)]
    pub(super) retry_base: Duration,
    /// How long attempts, requests, finished deliveries and their events are kept; "forever" keeps all. Counters stay, and so does what can
    /// still be delivered
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = keep)]
    pub(super) keep: Keep,
    /// Permit an address beyond loopback, because a proxy in front of it ends TLS
    #[arg(long)]
    pub(super) behind_proxy: bool,
    /// Permit an address beyond loopback without TLS
    #[arg(long)]
    pub(super) insecure: bool,
}

fn scenario(name: &str) -> Result<Script, String> {
    let all = library::all().map_err(|error| error.to_string())?;
    let known: Vec<&str> = all.iter().map(|script| script.name.as_str()).collect();
    let known = known.join(", ");
    all.into_iter()
        .find(|script| script.name == name)
        .ok_or_else(|| format!("there is no such scenario; known: {known}"))
}

fn runbook(name: &str) -> Result<Runbook, String> {
    let known = || Runbook::ALL.map(Runbook::name).join(", ");
    Runbook::named(name).ok_or_else(|| format!("there is no such run-book; known: {}", known()))
}

fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("write NAME=FILE")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

/// How long logs are kept; for ever if absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep(pub(super) Option<Duration>);

impl Default for Keep {
    fn default() -> Self {
        Self(Some(Duration::from_secs(90 * 86_400)))
    }
}

fn keep(text: &str) -> Result<Keep, String> {
    if text == "forever" {
        return Ok(Keep(None));
    }
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 90d, 12h or forever"))?;
    if duration < Duration::from_secs(3_600) {
        return Err("must be at least 1h, or forever".to_owned());
    }
    Ok(Keep(Some(duration)))
}

fn back(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30m, 2h or 1d"))?;
    let longest = Duration::from_secs(90 * 86_400);
    if (Duration::from_secs(1)..=longest).contains(&duration) {
        Ok(duration)
    } else {
        Err("must be between 1s and 90d".to_owned())
    }
}

fn topic(text: &str) -> Result<Topic, String> {
    let known = || Topic::ALL.map(Topic::name).join(", ");
    Topic::named(text).ok_or_else(|| format!("there is no such topic; known: {}", known()))
}

fn retry_base(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s, 500ms or 2m"))?;
    let range = Duration::from_millis(10)..=Duration::from_secs(3_600);
    if range.contains(&duration) { Ok(duration) } else { Err("must be between 10ms and 1h".to_owned()) }
}
