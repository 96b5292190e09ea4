//! `crow escalate`: writes a ticket with the evidence of a failure into a folder or an archive. `crow open`: shows
//! one.

use super::arguments::diagnosis::{EscalateArgs, OpenArgs};
use super::diagnose::require_scope;
use super::failure::CommandFailure;
use super::output::print_safe;
use super::portal::{PlatformSilence, find_silence};
use super::{config, log, output, portal, screen, settings};
use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::diagnose::incident::{IncidentScope, collect_incident};
use crate::diagnose::reporter::{ReporterStatement, TicketReader};
use crate::domain::text::Untrusted;
use crate::export::bundle;
use crate::export::bundle_documents::PlatformCheck;
use crate::export::bundle_reader::{self, VerifiedBundle};
use crate::export::bundle_writer::write_bundle;
use crate::export::platform_scan;
use crate::export::ticket::ResponseBodies;
use crate::export::ticket_markdown;
use crate::tui::panes::escalate;
use crate::tui::runtime::terminal::install_panic_hook;
use crate::tui::widgets::pager;
use crate::tui::widgets::pager::{PageLayout, TextPager};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) async fn run(asked: EscalateArgs) -> Result<ExitCode, CommandFailure> {
    log::to_stderr();
    let reporter =
        ReporterStatement { tried: asked.tried, note: asked.note, contact: asked.contact, reasons: asked.reason };
    let reporter = reporter.checked().map_err(|error| CommandFailure::usage(error.to_string(), "shorten it"))?;
    let client = portal::attach(&asked.remote).await?;
    let wish = require_scope(&client, &asked.about).await?;
    if asked.reader == TicketReader::Partner && wish.subject == DiagnosisSubject::All {
        let remedy = "name its company, key or subscription: --company, --key or --subscription";
        return Err(CommandFailure::usage("a partner's ticket is about one partner", remedy));
    }
    let asked_nothing = connection_failure(&client).await;
    let matter = IncidentScope {
        topic: asked.topic,
        lookback: wish.lookback,
        reporter,
        reader: asked.reader,
        ..IncidentScope::last_hour_of(vec![wish.subject])
    };
    let case = collect_incident(&client, &RuntimeEnv::real(), &matter).await;
    let bodies = if asked.without_bodies { ResponseBodies::Omitted } else { ResponseBodies::Included };
    let gate = client.secret_gate().with_allowed(asked.allow);
    let held = |error: bundle::BundleError| CommandFailure::failed(error.to_string(), RELEASE_REMEDY);
    let built = bundle::build_bundle(&case, bodies, &gate).map_err(held)?;
    let inert = |error: Error| Untrusted::new(error.to_string()).sanitized();
    let ask = |text| async { client.check_secrets(text).await.map_err(inert) };
    let bundle = platform_scan::check_with_platform(built, &gate, ask).await.map_err(held)?;
    if let PlatformCheck::Failed(_) = bundle.manifest().platform_check {
        output::remark(&format!("crow: {}", bundle.manifest().platform_check));
    }
    let path = asked.out.unwrap_or_else(|| PathBuf::from(bundle.folder()));
    write_bundle(&bundle, &path).map_err(|error| {
        CommandFailure::failed(error.to_string(), "nothing was written; choose another place with --out PATH")
    })?;
    print_safe(&path.display().to_string())?;
    // They passed the gate with the ticket.
    for point in &bundle.ticket().undecided {
        output::remark(&format!("crow: {point}"));
    }
    match asked_nothing {
        None => Ok(ExitCode::SUCCESS),
        Some(why) => Err(CommandFailure::failed(
            format!("the ticket has no data from the platform: {why}"),
            "send it only if the connection itself is the problem",
        )),
    }
}

/// Returns why the platform answers nothing at all; `None` if it answers, even if only to refuse for lack of
/// permission.
async fn connection_failure(client: &PlatformClient) -> Option<String> {
    match client.overview(1).await {
        Err(Error::Refused { problem }) if problem.status != 401 => None,
        Err(error) => Some(error.to_string()),
        Ok(overview) => match find_silence(overview.coverage.as_ref())? {
            PlatformSilence::Unanswered(why) => Some(why),
            PlatformSilence::NotPermitted => None,
        },
    }
}

/// Remedy for a bundle in which a passage was withheld.
const RELEASE_REMEDY: &str = "check that passage; --allow FINGERPRINT releases it if it is not a secret, --without-bodies leaves out response bodies";

/// Shows a bundle: as a scrolling page on a terminal, otherwise or with `--plain` as lines.
pub(super) async fn open(asked: OpenArgs) -> Result<ExitCode, CommandFailure> {
    let opened = bundle_reader::open_bundle(&asked.ticket)
        .map_err(|error| CommandFailure::usage(error.to_string(), "give a folder or .zip that crow escalate wrote"))?;
    if asked.json {
        let json = serde_json::to_string_pretty(&opened.ticket)
            .map_err(|error| CommandFailure::failed(error.to_string(), ""))?;
        print_safe(&json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if is_terminal && !asked.look.plain {
        return show_page(opened, &asked).await;
    }
    let manifest = &opened.manifest;
    print_safe(&format!("written {} by crow {}; all files are unchanged", manifest.created_utc, manifest.crow))?;
    for entry in &manifest.files {
        print_safe(&format!(
            "  {}  {:>8} bytes  {}",
            entry.sha256,
            entry.n_bytes,
            Untrusted::new(&*entry.name).sanitized()
        ))?;
    }
    print_safe(&Untrusted::new(manifest.platform_check.to_string()).sanitized())?;
    for redaction in &manifest.redactions {
        print_safe(&format!("  {}", Untrusted::new(redaction.to_string()).sanitized()))?;
    }
    if !manifest.released.is_empty() {
        let released = Untrusted::new(manifest.released.join(", ")).sanitized();
        print_safe(&format!("  Released: {released}"))?;
    }
    for line in ticket_markdown::write_ticket(&opened.ticket).lines() {
        print_safe(&Untrusted::new(line).sanitized())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_page(opened: VerifiedBundle, asked: &OpenArgs) -> Result<ExitCode, CommandFailure> {
    screen::check_terminal(&asked.look)?;
    let look = settings::display_settings(&asked.look)?;
    let (keymap, _) = config::keymap();
    let place = asked.ticket.display().to_string();
    let title = format!("Ticket about {}", ticket_markdown::subjects_line(&opened.ticket.subjects));
    let lines: PageLayout = Box::new(move |width, theme| escalate::opened_bundle_lines(&opened, &place, width, theme));
    install_panic_hook();
    match pager::read(TextPager::new(title, lines, look, keymap), RuntimeEnv::real()).await {
        Ok(ending) => Ok(ExitCode::from(ending.code())),
        Err(error) => Err(CommandFailure::failed(error.to_string(), "use --plain")),
    }
}
