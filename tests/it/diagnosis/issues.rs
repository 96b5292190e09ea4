//! The ten issues of the troubleshooting guide, each staged by `crow demo --scenario` and walked through in the console
//! of the real binary: how soon the overview shows a signal, and how many keys lead to the cause and to a ticket or a
//! remedy.

use super::trial::run_in;
use crow::clock::RuntimeEnv;
use std::fmt::Write as _;
use std::time::Duration;
use tempfile::TempDir;

/// Maximum time from the first complete screen to the signal.
const MAX_SIGNAL_TIME: Duration = Duration::from_secs(5);
/// Maximum number of keys from the overview to the cause.
const MAX_KEYS_TO_CAUSE: usize = 4;
/// Maximum number of keys from the overview to the written ticket, or to the question before the remedy.
const MAX_KEYS_TO_END: usize = 6;

/// Keys, and the text that they bring to the screen.
type Step = (&'static str, &'static str);

/// One issue of the guide.
struct Issue {
    issue: &'static str,
    scenario: &'static str,
    /// Text of the signal on the overview.
    signal: &'static str,
    /// From the overview to the cause.
    to_cause: &'static [Step],
    /// From the cause to its remedy or a written ticket.
    to_end: &'static [Step],
}

/// Over the first alert with its reason to its cause.
const fn diagnosed(reason: &'static str, cause: &'static str) -> [Step; 2] {
    [("a", reason), ("P", cause)]
}

/// From a cause to a written ticket.
const TICKET: &[Step] =
    &[("0", "Ticket for"), ("\r", "W writes the ticket"), ("W", "y writes a folder"), ("y", "Saved to")];

const ISSUES: [Issue; 10] = [
    Issue {
        issue: "1 API key not working",
        scenario: "key-revoked",
        signal: "Alerts: ▲ WRN Reporting Job",
        to_cause: &diagnosed("revoked and still in use: 4 calls got 401", "the key was revoked but is still in use"),
        to_end: TICKET,
    },
    Issue {
        issue: "2 insufficient permissions",
        scenario: "scope-missing",
        signal: "Alerts: ▲ WRN Website Forms",
        to_cause: &diagnosed("3 of 3 calls rejected with 4xx", "the key lacks a scope"),
        to_end: TICKET,
    },
    Issue {
        issue: "3 webhooks not arriving",
        scenario: "endpoint-500",
        signal: "Alerts: ▲ WRN 127.0.0.1:",
        to_cause: &diagnosed("failures in a row (limit 3)", "the endpoint returns errors"),
        to_end: TICKET,
    },
    Issue {
        issue: "4 signature verification fails",
        scenario: "sig-wrong-secret",
        signal: "Alerts: ▲ WRN 127.0.0.1:",
        to_cause: &diagnosed(
            "failures in a row (limit 3)",
            "the receiver uses a different secret; the signature matches the secret of subscription 1",
        ),
        to_end: TICKET,
    },
    Issue {
        issue: "5 rate limits",
        scenario: "rate-polling",
        // At the turn of a minute the window begins anew; the alert of the key remains.
        signal: "Alerts: ",
        to_cause: &diagnosed("calls got 429", "events are polled faster than the read limit allows"),
        to_end: TICKET,
    },
    Issue {
        issue: "6 events missing from polling",
        scenario: "events-filtered",
        signal: "Alerts: ▲ WRN Zapier Production",
        to_cause: &diagnosed(
            "3 polls in a row asked only for events before 2020",
            "polls have time filters that exclude the events that occurred",
        ),
        to_end: TICKET,
    },
    Issue {
        issue: "7 circuit breaker tripped",
        scenario: "breaker-tripped",
        signal: "Alerts: # TRP 127.0.0.1:",
        to_cause: &diagnosed("breaker tripped: 20 failures in a row", "the breaker tripped after 20 failures in a row"),
        to_end: TICKET,
    },
    Issue {
        issue: "8 tool-managed subscription",
        scenario: "managed-zapier",
        signal: "Alerts: ▲ WRN CRM Backoffice",
        to_cause: &diagnosed(
            "3 of 3 calls rejected with 4xx",
            "a change of a subscription that a tool manages was refused",
        ),
        to_end: TICKET,
    },
    Issue {
        issue: "9 lost signing secret",
        scenario: "lost-secret",
        signal: "Alerts: ▲ WRN 127.0.0.1:",
        to_cause: &diagnosed("failures in a row (limit 3)", "the receiver reports that it has no signing secret"),
        to_end: TICKET,
    },
    Issue {
        issue: "10 bulk import times out",
        scenario: "bulk-contended",
        signal: "Alerts: ✖ ERR Migration",
        to_cause: &diagnosed("calls got 5xx in the last minute", "the platform's write queue was full"),
        to_end: TICKET,
    },
];

/// Presses the keys of each step and waits for its text. Returns the number of keys.
fn walk(console: &mut crate::support::terminal::Terminal, steps: &[Step]) -> usize {
    for (keys, text) in steps {
        console.press(keys);
        console.shows(text);
    }
    steps.iter().map(|(keys, _)| keys.chars().count()).sum()
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is there to be read")]
fn each_issue_of_the_guide_has_a_signal_a_cause_and_an_end_within_a_few_keys() {
    let mut table = format!("{:<32} {:<18} {:>9} {:>6} {:>6}\n", "issue", "scenario", "signal", "cause", "end");
    let mut missed = Vec::new();
    for of in &ISSUES {
        let dir = TempDir::new().expect("a directory");
        let mut console = run_in(dir.path(), &["demo", "--scenario", of.scenario]);
        console.shows("LIVE");
        let watch = RuntimeEnv::real().stopwatch();
        console.shows(of.signal);
        let signal = watch.elapsed();
        let n_cause = walk(&mut console, of.to_cause);
        let n_end = n_cause + walk(&mut console, of.to_end);
        let _ = writeln!(
            table,
            "{:<32} {:<18} {:>6} ms {n_cause:>6} {n_end:>6}",
            of.issue,
            of.scenario,
            signal.as_millis()
        );
        if signal > MAX_SIGNAL_TIME || n_cause > MAX_KEYS_TO_CAUSE || n_end > MAX_KEYS_TO_END {
            missed.push(of.issue);
        }
        console.press("\x03\x03");
        assert_eq!(console.ended(), 0, "{}", of.issue);
    }
    println!("{table}");
    assert!(missed.is_empty(), "{table}\nbeyond the limits: {missed:?}");
}
