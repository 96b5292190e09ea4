//! D2: numbers of events and deliveries are given once, whatever database is put in place.

use super::cuts::copied;
use super::process::{Serving, crow, done, lead, refused, subscription};
use crate::support::receiver::{Behaviour, Receiver};
use crow::domain::ids::CompanyId;
use crow::wire::changes;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

/// Minimum size of a gap in the numbers.
const GAP: i64 = 1_000_000;

/// A platform with a subscription at the receiver.
async fn delivering(dir: &Path, receiver: &Receiver) -> (Serving, CompanyId) {
    let serving = Serving::start(dir);
    let (company, partner) = serving.company().await;
    partner.create_subscription(&subscription(&receiver.url)).await.expect("a subscription");
    (serving, company.id)
}

/// Emits an event, waits until it is received, and returns its number.
async fn emit(serving: &Serving, company: CompanyId, receiver: &Receiver) -> i64 {
    let before = receiver.ledger().len();
    let number = serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.expect("an event").id.0;
    receiver.received(before + 1).await;
    number
}

/// No event has the number of another one at the receiver, and no delivery either; one that comes again is the same as before.
#[track_caller]
fn assert_no_number_came_twice(receiver: &Receiver) {
    let (mut bodies, mut events) = (BTreeMap::new(), BTreeMap::new());
    for request in receiver.ledger() {
        let [event, delivery] = ["x-wlcro-event-id", "x-wlcro-delivery-id"].map(|name| request.header(name).to_owned());
        let body = bodies.entry(event.clone()).or_insert_with(|| request.body.clone());
        assert_eq!(*body, request.body, "event {event}");
        assert_eq!(*events.entry(delivery.clone()).or_insert_with(|| event.clone()), event, "delivery {delivery}");
    }
}

fn gaps(dir: &Path) -> i64 {
    Connection::open(dir.join("platform.db"))
        .and_then(|database| {
            let sql = "SELECT count(*) FROM audit WHERE action = 'leave out numbers' AND actor = 'this machine (crow)'";
            database.query_row(sql, [], |row| row.get(0))
        })
        .expect("a count")
}

/// Copies the files of the database over existing ones, as a replica or a snapshot has them.
fn put_back(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("platform.db{suffix}");
        if suffix != "-shm" && from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).expect("copied");
        } else {
            let _ = std::fs::remove_file(to.join(&name));
        }
    }
}

/// Way in which a database is restored.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Into a directory on another machine that has the key and nothing else.
    Elsewhere,
    /// In place of the database, which was removed before.
    InPlace,
    /// Over the database: the same file with earlier bytes.
    Over,
}

#[tokio::test]
async fn d2_a_restored_replica_is_noticed_at_the_start_and_no_number_is_used_twice() {
    for (way, is_killed) in [
        (Way::Elsewhere, true),
        (Way::Elsewhere, false),
        (Way::InPlace, true),
        (Way::InPlace, false),
        (Way::Over, true),
        (Way::Over, false),
    ] {
        let what = format!("{way:?}, killed: {is_killed}");
        let home = TempDir::new().expect("a directory");
        let (dir, copy) = (home.path().join("data"), home.path().join("copy"));
        let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
        let (serving, company) = delivering(&dir, &receiver).await;
        emit(&serving, company, &receiver).await;
        // What a replica has of a platform that runs: the database with its log at one moment.
        copied(&dir, &copy);
        let serving = if matches!(way, Way::Over) {
            serving.stop();
            Serving::start(&dir)
        } else {
            serving
        };
        for _ in 0..3 {
            emit(&serving, company, &receiver).await;
        }
        let last = emit(&serving, company, &receiver).await;
        if is_killed {
            serving.kill();
        } else {
            serving.stop();
        }
        let place = match way {
            Way::Elsewhere => {
                let place = home.path().join("elsewhere");
                std::fs::create_dir(&place).expect("made");
                for name in ["platform.key", "operator.token"] {
                    std::fs::copy(dir.join(name), place.join(name)).expect("copied");
                }
                place
            }
            Way::InPlace => {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(dir.join(format!("platform.db{suffix}")));
                }
                dir
            }
            Way::Over => dir,
        };
        put_back(&copy, &place);
        let serving = Serving::start(&place);
        let next = emit(&serving, company, &receiver).await;
        assert!(next > last + GAP - 10, "{what}: {next} after {last}");
        assert_no_number_came_twice(&receiver);
        assert_eq!(gaps(&place), 1, "{what}: it is in the audit trail");
        serving.stop();
        // It is noticed once.
        let serving = Serving::start(&place);
        assert_eq!(emit(&serving, company, &receiver).await, next + 1, "{what}");
        serving.stop();
        done(&mut crow(&["db", "verify"], &place));
    }
}

#[tokio::test]
async fn d2_stops_kills_moves_and_key_changes_leave_no_gap_in_numbers() {
    let home = TempDir::new().expect("a directory");
    let (dir, moved) = (home.path().join("data"), home.path().join("moved"));
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let (serving, company) = delivering(&dir, &receiver).await;
    let first = emit(&serving, company, &receiver).await;
    serving.kill();
    let serving = Serving::start(&dir);
    assert_eq!(emit(&serving, company, &receiver).await, first + 1, "after a kill");
    serving.stop();
    copied(&dir, &moved);
    let serving = Serving::start(&moved);
    assert_eq!(emit(&serving, company, &receiver).await, first + 2, "after a move");
    serving.stop();
    done(&mut crow(&["db", "rekey"], &moved));
    let serving = Serving::start(&moved);
    assert_eq!(emit(&serving, company, &receiver).await, first + 3, "after a change of the key");
    assert_eq!(gaps(&moved), 0);
    serving.kill();
    std::fs::rename(&moved, home.path().join("renamed")).expect("renamed");
    let serving = Serving::start(&home.path().join("renamed"));
    assert_eq!(emit(&serving, company, &receiver).await, first + 4, "after a kill and another name");
    assert_no_number_came_twice(&receiver);
}

#[tokio::test]
async fn d2_a_restore_on_another_machine_leaves_a_gap_or_continues_at_a_given_number() {
    let home = TempDir::new().expect("a directory");
    let (dir, file) = (home.path().join("data"), home.path().join("copy.db"));
    let name = file.to_string_lossy().into_owned();
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let (serving, company) = delivering(&dir, &receiver).await;
    emit(&serving, company, &receiver).await;
    done(&mut crow(&["db", "backup", &name], &dir));
    emit(&serving, company, &receiver).await;
    let last = emit(&serving, company, &receiver).await;
    let token = std::fs::read(dir.join("operator.token")).expect("the token");
    serving.kill();

    let told = last.to_string();
    let cases: [(&str, &[&str], i64); 3] =
        [("gap", &[], GAP + 2), ("told", &["--after-event", &told], last + 1), ("too low", &["--after-event", "0"], 2)];
    for (what, more, wanted) in cases {
        let place = home.path().join(what);
        let said = done(&mut crow(&[&["db", "restore", &name], more].concat(), &place));
        assert!(
            said.contains(&format!("new events are numbered after {}, new deliveries after {}", wanted - 1, GAP + 1)),
            "{said}"
        );
        std::fs::write(place.join("operator.token"), &token).expect("written");
        let serving = Serving::start(&place);
        let ledger = receiver.ledger().len();
        let next = serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.expect("an event").id.0;
        assert_eq!(next, wanted, "{what}");
        receiver.received(ledger + 1).await;
        serving.stop();
        assert_eq!(gaps(&place), 0, "{what}: what the restore decided is not decided again");
    }

    let place = home.path().join("gap");
    let serving = Serving::start(&place);
    assert!(refused(2, &mut crow(&["db", "renumber"], &place)).contains(&format!("process {}", serving.id())));
    serving.stop();
    let said = done(&mut crow(&["db", "renumber"], &place));
    assert!(
        said.contains(&format!("new events are numbered after {}, new deliveries after {}", 2 * GAP + 2, 2 * GAP + 2)),
        "{said}"
    );
    let said = done(&mut crow(&["db", "renumber", "--after-event", "9000000"], &place));
    assert!(said.contains("new events are numbered after 9000000"), "{said}");
    let serving = Serving::start(&place);
    assert_eq!(
        serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.expect("an event").id.0,
        9_000_001
    );
    serving.stop();
}
