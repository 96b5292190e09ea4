//! The alert about pollers without progress, held against generated worlds poll by poll: no poller that follows its
//! cursor, polls since its last poll or has no events is accused, and those that are stuck are found.

use crate::faults::Phase;
use crate::matrix::{Generated, generate, is_shown};
use crate::model::World;
use crow::domain::log::LoggedRequest;
use crow::domain::poll_watch::{PollWatch, StuckPoller};
use crow::domain::text::Untrusted;
use crow::domain::time::Timestamp;
use crow::wire::paths;
use crow::wire::requests::RequestRow;
use std::collections::BTreeMap;

/// Worlds that are tried.
const WORLDS: u64 = 1_500;
/// Faults of pollers that the alert is about; the playbook names them by these causes.
const STUCK: [&str; 4] = ["events-stuck", "events-cursor-invalid", "events-filtered", "events-since-future"];

fn logged(row: &RequestRow) -> LoggedRequest {
    let text = |text: &Option<Untrusted>| text.as_ref().map(|text| text.raw().to_owned());
    LoggedRequest {
        at: row.utc,
        caller: row.key_id.zip(row.company_id),
        method: row.method.raw().to_owned(),
        route: row.route.raw().to_owned(),
        status: row.status.unwrap_or_default(),
        code: text(&row.code),
        detail: text(&row.detail),
        query: text(&row.query),
        address: text(&row.address),
        user_agent: text(&row.user_agent),
        ..LoggedRequest::default()
    }
}

/// Whether an event shows that the fault of a poller matters.
fn is_missing_events(world: &World, of: &StuckPoller, at: Timestamp) -> bool {
    of.excludes_since.is_none_or(|since| {
        world.deliveries.events.iter().any(|event| {
            let is_wanted = of.types.is_empty() || of.types.iter().any(|kind| kind.name() == event.kind.raw());
            event.company_id == of.company && is_wanted && event.created_utc >= since && event.created_utc <= at
        })
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are there to be read")]
fn only_pollers_that_make_no_progress_raise_an_alert() {
    let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let (mut false_alarms, mut n_polls) = (Vec::new(), 0_u64);
    for seed in 0..WORLDS {
        let Generated { world, truths, names } = generate(seed);
        let mut watch = PollWatch::default();
        let mut alarmed = Vec::new();
        for call in &world.calls {
            watch.note(&logged(&call.row));
            if call.row.route.raw() != paths::EVENTS {
                continue;
            }
            n_polls += 1;
            let stuck = watch.stuck(call.row.utc);
            alarmed.extend(stuck.into_iter().filter(|of| is_missing_events(&world, of, call.row.utc)));
        }
        for of in &alarmed {
            let is_true = truths.iter().any(|truth| STUCK.contains(&truth.id) && truth.key == Some(of.key));
            if !is_true {
                false_alarms.push(format!("seed {seed} {names:?}: {of:?}"));
            }
        }
        let wanted = truths.iter().zip(&names).filter(|(truth, name)| {
            // Polls that overlap lose single events and make progress all the same.
            STUCK.contains(&truth.id) && **name != "events-filtered-late" && is_shown(&world, truth)
        });
        for (truth, name) in wanted.filter(|(truth, _)| truth.phase == Phase::Ongoing) {
            let (n_found, n_all) = found.entry(name).or_default();
            *n_all += 1;
            *n_found += u64::from(alarmed.iter().any(|of| Some(of.key) == truth.key));
        }
    }
    println!("{n_polls} polls in {WORLDS} worlds, {} false alarms; found of all: {found:?}", false_alarms.len());
    assert!(false_alarms.is_empty(), "{}", false_alarms.join("\n"));
    assert!(found.len() >= 4 && found.values().all(|(n_found, n_all)| n_found * 10 >= n_all * 9), "{found:?}");
}
