//! Every command of `crow --help` with a key alone, on platforms that decided what is undocumented in three ways: each is of use, or says in
//! one line why not and what to do.

use super::processes::Home;
use super::{ALL, POLLS, RuntimeEnv, StandIn, Style};
use crate::support::schemas;
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::time::Duration;

/// What a command does with a key alone.
enum Expected {
    /// Asks no platform, or runs until it is stopped: tried elsewhere.
    Apart,
    /// Answers with one of these exit codes, and with these parts in its output.
    Answers(&'static [i32], &'static [&'static str]),
    /// Is refused, with these parts in the one line that says why and what to do.
    Refused(&'static [&'static str]),
}

use Expected::{Answers, Apart, Refused};

/// Every command, the arguments with which it is tried, and what is expected of it. They are tried in this order.
const COMMANDS: &[(&str, &[&str], Expected)] = &[
    ("completions", &[], Apart),
    ("config check", &[], Apart),
    ("config explain", &[], Apart),
    ("config template", &[], Apart),
    ("console", &[], Apart),
    ("db backup", &[], Apart),
    ("db head", &[], Apart),
    ("db rekey", &[], Apart),
    ("db renumber", &[], Apart),
    ("db restore", &[], Apart),
    ("db verify", &[], Apart),
    ("demo", &[], Apart),
    ("listen", &[], Apart),
    ("man", &[], Apart),
    ("observe", &[], Apart),
    ("operators reset", &[], Apart),
    ("profile add", &[], Apart),
    ("profile forget", &[], Apart),
    ("profile key", &[], Apart),
    ("profile list", &[], Apart),
    ("profile remove", &[], Apart),
    ("profile show", &[], Apart),
    ("profile use", &[], Apart),
    ("relay", &[], Apart),
    ("serve", &[], Apart),
    ("verify", &[], Apart),
    ("keys list", &["--json"], Answers(&[0], &["\"name\": \"key\"", "events:read", "\"usage\": null"])),
    ("keys show", &["key", "--json"], Answers(&[0], &["\"name\": \"key\""])),
    (
        "keys create",
        &["--company", "92", "--name", "x", "--scope", "admin", "--allow-actions", "--yes"],
        Refused(&["Admin Portal"]),
    ),
    ("keys revoke", &["key", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("subs list", &["--json"], Answers(&[0], &["hooks.example.com/17", "hooks.example.com/23", "\"health\": null"])),
    ("subs show", &["17", "--json"], Answers(&[0], &["hooks.example.com/17"])),
    (
        "subs disable",
        &["17", "--reason", "moving", "--allow-actions", "--yes", "--json"],
        Answers(&[0], &["17 disabled"]),
    ),
    ("subs enable", &["17", "--allow-actions", "--yes", "--json"], Answers(&[0], &["17 enabled"])),
    ("subs test", &["17", "--allow-actions", "--yes", "--json"], Answers(&[0], &["204"])),
    ("subs replay", &["17", "--since", "2h", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("subs rollback", &["17", "--revision", "1", "--allow-actions", "--yes"], Refused(&["revision"])),
    ("deliveries list", &["--json"], Refused(&["a key cannot read the delivery log", "crow listen"])),
    ("deliveries show", &["1", "--json"], Refused(&["Admin Portal"])),
    ("deliveries attempts", &["--json"], Refused(&["a key cannot read the delivery log", "crow listen"])),
    ("deliveries attempt", &["1", "--json"], Refused(&["attempt 1"])),
    ("deliveries resend", &["1", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("events list", &["--json"], Answers(&[0], &["lead.created"])),
    ("events show", &["41", "--json"], Answers(&[0], &["lead.created"])),
    (
        "events emit",
        &["--company", "92", "--type", "lead.created", "--allow-actions", "--yes", "--json"],
        Refused(&["answer cannot be read"]),
    ),
    ("limits list", &["--json"], Answers(&[0], &["\"bucket\": \"read\""])),
    ("limits show", &["key", "--json"], Answers(&[0], &["\"bucket\": \"read\""])),
    ("limits set", &["key", "--read", "30", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("trips list", &["--json"], Answers(&[0], &["crow.trips/2"])),
    ("trips show", &["1", "--json"], Answers(&[0], &["crow.trip-detail/2"])),
    ("requests list", &["--json"], Answers(&[0], &["/api/v1/events"])),
    ("requests show", &["1", "--json"], Answers(&[0], &["/api/v1/"])),
    ("replays list", &["--json"], Answers(&[0], &["crow.replays/1"])),
    ("replays show", &["1", "--json"], Refused(&["Admin Portal"])),
    ("replays pause", &["1", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("replays resume", &["1", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("replays cancel", &["1", "--allow-actions", "--yes"], Refused(&["Admin Portal"])),
    ("check", &["--json"], Answers(&[0, 1, 3], &["crow.check/1"])),
    ("watch", &["--list"], Answers(&[0], &[""])),
    ("audit", &["--format", "json"], Answers(&[0], &["crow.audit/2"])),
    ("briefing", &["--key", "key", "--format", "json"], Answers(&[0], &["crow.briefing/2"])),
    ("export", &[], Refused(&["--token-file"])),
    ("import", &["configuration.json"], Refused(&["--token-file"])),
    ("doctor", &["--json"], Answers(&[0], &["watched with keys"])),
    ("diagnose", &["key-not-working", "--key", "key", "--json"], Answers(&[0, 1], &["key-not-working"])),
    ("runbook", &["key-rotation", "--key", "key", "--json"], Answers(&[0, 1], &["key-rotation"])),
    ("reconcile", &["--json"], Refused(&["crow listen"])),
    ("escalate", &["--out", "ticket"], Answers(&[0], &["ticket"])),
    ("open", &["ticket", "--json"], Answers(&[0], &["\"symptom\""])),
    ("subs delete", &["23", "--allow-actions", "--yes", "--json"], Answers(&[0], &["23 deleted"])),
];

/// Commands whose documents are described in the guide and have no schema.
const WITHOUT_SCHEMA: [&str; 3] = ["diagnose", "runbook", "open"];

/// Names of the commands below `words` that run something, from the help of the binary.
fn commands_below(words: &[String]) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_crow")).args(words).arg("--help").output().expect("it runs");
    let text = String::from_utf8(help.stdout).expect("text");
    let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).map(str::trim);
    let names: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    if names.is_empty() {
        return vec![words.join(" ")];
    }
    names.into_iter().flat_map(|name| commands_below(&[words, &[name.to_owned()]].concat())).collect()
}

#[test]
fn every_command_of_the_help_is_tried_with_a_key_alone() {
    let there: BTreeSet<String> = commands_below(&[]).into_iter().collect();
    let tried: BTreeSet<String> = COMMANDS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(there, tried);
}

#[tokio::test]
async fn every_command_is_of_use_with_a_key_alone_or_says_why_not() {
    let faults: Vec<String> = join_all(Style::ALL.map(try_all)).await.concat();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Tries every command on a platform of a style. Returns what is wrong.
async fn try_all(style: Style) -> Vec<String> {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::styled(&ambient, style).await, Home::new());
    platform.allows(6_000);
    for id in 41..46 {
        platform.happens(id, "lead.created", ambient.now().minus(Duration::from_secs(20)));
    }
    std::fs::write(
        home.path("configuration.json"),
        r#"{"schema":"crow.configuration/1","companies":[],"keys":[],"subscriptions":[]}"#,
    )
    .expect("written");
    let key = home.path("key");
    let target = ["--url", &platform.address, "--key-file", key.to_str().expect("text")];
    let mut faults = Vec::new();
    for (name, arguments, expected) in COMMANDS {
        if matches!(expected, Apart) {
            continue;
        }
        let words = name.split(' ').chain(arguments.iter().copied());
        let words: Vec<&str> = if *name == "open" { words.collect() } else { words.chain(target).collect() };
        let mut command = home.crow(&words);
        command.current_dir(home.path(""));
        let ended = tokio::task::spawn_blocking(move || command.output()).await;
        let output = ended.expect("no panic").expect("the binary runs");
        if let Err(fault) = judge(name, &output, arguments, expected) {
            faults.push(format!("{style:?}: crow {name}: {fault}\n{output:?}"));
        }
    }
    faults
}

/// Checks that what a list's coverage calls unknown is there, and null in every row.
fn check_unknown_members(document: &Value) -> Result<(), String> {
    let unknown = document["coverage"]["unknownMembers"].as_array().cloned().unwrap_or_default();
    for row in document["items"].as_array().into_iter().flatten() {
        let at = |member: &str| row.pointer(&format!("/{}", member.replace('.', "/"))).cloned();
        let is_null = |member: &&Value| member.as_str().and_then(at).is_some_and(|value| value.is_null());
        if let Some(known) = unknown.iter().find(|member| !is_null(member)) {
            return Err(format!("{known} is said to be unknown: {row}"));
        }
    }
    Ok(())
}

fn judge(name: &str, output: &Output, arguments: &[&str], expected: &Expected) -> Result<(), String> {
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (text, remarks, code) = (told(&output.stdout), told(&output.stderr), output.status.code());
    if [&text, &remarks].iter().any(|told| told.contains(&ALL[14..])) {
        return Err("the key is told".to_owned());
    }
    match expected {
        Apart => Ok(()),
        Answers(codes, parts) => {
            if code.is_none_or(|code| !codes.contains(&code)) {
                return Err(format!("ended with {code:?}"));
            }
            if let Some(part) = parts.iter().find(|part| !text.contains(**part) && !remarks.contains(**part)) {
                return Err(format!("{part} is missing"));
            }
            if arguments.contains(&"--json") || arguments.contains(&"json") {
                let document: Value = serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))?;
                match document["schema"].as_str() {
                    Some(schema) => {
                        schemas::assert_valid(schema, &document);
                        check_unknown_members(&document)?;
                    }
                    None if WITHOUT_SCHEMA.contains(&name) => {}
                    None => return Err("a document without a schema".to_owned()),
                }
            }
            Ok(())
        }
        Refused(parts) => {
            if !matches!(code, Some(1 | 2)) {
                return Err(format!("ended with {code:?}"));
            }
            let line = remarks.lines().last().unwrap_or_default();
            let missing = parts.iter().find(|part| !line.contains(**part));
            missing.map_or(Ok(()), |part| Err(format!("{part} is missing in: {line}")))
        }
    }
}

#[tokio::test]
async fn what_crow_asked_to_learn_a_keys_scopes_is_no_permission_that_its_partner_lacks() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    platform.allows(6_000);
    std::fs::write(home.path("key"), format!("{POLLS}\n")).expect("written");
    let key = home.path("key");
    let target = ["--url", &platform.address, "--key-file", key.to_str().expect("text")];
    let ask = async |words: &[&str]| {
        let output = home.ask(&[words, &target].concat()).await;
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let requests = ask(&["requests", "list", "--json"]).await;
    let rows = requests["items"].as_array().expect("rows");
    let is_probe = |row: &&Value| row["ownCall"] == "scope_probe" && row["status"] == 403;
    assert!(rows.iter().filter(is_probe).count() >= 2, "{requests:#}");
    assert!(rows.iter().all(|row| row["ownCall"].is_string()), "every call is crow's own: {requests:#}");
    let diagnosed = ask(&["diagnose", "permissions", "--key", "ABCD", "--json"]).await;
    assert!(!diagnosed.to_string().contains("scope-missing"), "{diagnosed:#}");
}

/// A list, the titles that are left out with a key alone, titles that stay, and a filter that is refused.
type ListedTitles = (&'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>);

const LISTS: [ListedTitles; 6] = [
    ("keys", &["RPM", "4XX", "5XX"], &["USED", "SCOPES"], Some("used>5")),
    ("subs", &["OK% 1H", "N 1H", "P95 MS", "BACKLOG", "ON HOLD", "MISSED"], &["FAILS", "WHY"], None),
    ("events", &["DELIVERIES"], &["BYTES"], None),
    ("limits", &[], &["LEFT", "429"], None),
    ("trips", &["CAUSES", "BY", "MISSED"], &["ENABLED"], Some("!cause:timeout")),
    ("requests", &["CALLER", "AGENT", "QUERY"], &["REQUEST", "LAST4"], None),
];

#[tokio::test]
async fn lists_leave_out_what_is_never_known_and_refuse_to_filter_by_it() {
    let ambient = RuntimeEnv::real();
    let (platform, home) = (StandIn::start(&ambient).await, Home::new());
    platform.allows(6_000);
    platform.happens(41, "lead.created", ambient.now());
    let key = home.path("key");
    let target = ["--url", &platform.address, "--key-file", key.to_str().expect("text")];
    for (noun, left_out, shown, refused) in LISTS {
        let listed = home.ask(&[[noun, "list"].as_slice(), &target].concat()).await;
        assert!(listed.status.success(), "{listed:?}");
        let text = String::from_utf8(listed.stdout).expect("text");
        let head = format!("  {}  ", text.lines().next().expect("a head"));
        let has = |title: &&&str| head.contains(&format!("  {title}  "));
        assert_eq!((left_out.iter().find(has), shown.iter().filter(has).count()), (None, shown.len()), "{head}");
        // Programs get the same columns from every source.
        let listed = home.ask(&[[noun, "list", "--csv"].as_slice(), &target].concat()).await;
        let csv = String::from_utf8(listed.stdout).expect("text");
        let n_columns = csv.lines().next().expect("a head").split(',').count();
        assert!(n_columns >= left_out.len() + shown.len(), "{csv}");
        let Some(filter) = refused else { continue };
        let asked = [[noun, "list", "--json", "--filter", filter].as_slice(), &target].concat();
        let said = home.ask(&asked).await;
        let why = String::from_utf8(said.stderr).expect("text");
        assert_eq!(said.status.code(), Some(2), "{why}");
        assert!(why.contains("is never known here") && why.contains('^') && said.stdout.is_empty(), "{why}");
    }
}
