//! `crow db`: backups that open, damage that is named, keys that change.

use super::process::{Serving, crow, done, ended, lead, refused, subscription};
use crate::support::platform::until;
use crate::support::receiver::{Behaviour, Receiver};
use crow::client::connection::PlatformClient;
use crow::wire::changes;
use rusqlite::Connection;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const KEY: &str = "CROW_PLATFORM_KEY";
const NEW_KEY: &str = "CROW_PLATFORM_NEW_KEY";

/// Calls `crow db`.
fn db(dir: &Path, arguments: &[&str]) -> Command {
    crow(&[&["db"], arguments].concat(), dir)
}

fn edit(dir: &Path, sql: &str) {
    Connection::open(dir.join("platform.db")).and_then(|database| database.execute_batch(sql)).expect("edited");
}

/// A platform with a company, a key and three subscriptions that got an event each, stopped in order. The partner's key.
async fn founded(dir: &Path, receiver: &Receiver) -> String {
    let serving = Serving::start(dir);
    let (company, partner) = serving.company().await;
    for _ in 0..3 {
        partner.create_subscription(&subscription(&receiver.url)).await.expect("a subscription");
    }
    serving.operator().change(&changes::EMIT_EVENT, &lead(company.id)).await.expect("an event");
    receiver.received(3).await;
    let database = Connection::open(dir.join("platform.db")).expect("a database");
    let n_left = || {
        database.query_row("SELECT count(*) FROM deliveries WHERE state <> 'succeeded'", [], |row| row.get::<_, i64>(0))
    };
    until("all are written down", async || n_left().is_ok_and(|n| n == 0)).await;
    let key = key_of(&partner);
    serving.stop();
    key
}

fn key_of(client: &PlatformClient) -> String {
    match client.credential() {
        crow::client::connection::ClientCredential::Key(key) => key.reveal().to_owned(),
        crow::client::connection::ClientCredential::Operator(_) => unreachable!("a partner's client"),
    }
}

/// The partner's key is still known, and its three subscriptions still deliver, signed: every secret opens.
async fn works(serving: &Serving, key: &str, receiver: &Receiver) {
    use crow::client::connection::ClientCredential;
    use crow::domain::secret::Secret;
    let partner =
        PlatformClient::new(&serving.address, ClientCredential::Key(Secret::new(key.to_owned()))).expect("a client");
    assert_eq!(partner.subscriptions().await.expect("the key is known").items.len(), 3);
    let before = receiver.ledger().len();
    let company = serving.operator().keys().await.expect("keys").items[0].company_id;
    serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.expect("an event");
    receiver.received(before + 3).await;
}

#[tokio::test]
async fn a_backup_of_a_running_platform_is_complete_and_can_be_restored_elsewhere() {
    let home = TempDir::new().expect("a directory");
    let (dir, file) = (home.path().join("data"), home.path().join("copy.db"));
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let key = founded(&dir, &receiver).await;
    let name = file.to_str().expect("text");

    let serving = Serving::start(&dir);
    assert!(done(&mut db(&dir, &["backup", name])).contains("copy.db.key"));
    let taken = refused(2, &mut db(&dir, &["backup", name]));
    assert!(taken.contains("copy.db already exists") && taken.contains("--force"), "{taken}");
    done(&mut db(&dir, &["backup", name, "--force"]));
    assert!(refused(2, &mut db(&dir, &["restore", name])).contains(&format!("process {}", serving.id())));
    drop(serving);

    let elsewhere = home.path().join("elsewhere");
    done(&mut db(&elsewhere, &["restore", name]));
    std::fs::copy(dir.join("operator.token"), elsewhere.join("operator.token")).expect("copied");
    done(&mut db(&elsewhere, &["verify"]));
    works(&Serving::start(&elsewhere), &key, &receiver).await;
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 5, "data, elsewhere, the copy, its key and its code: {left:?}");
}

#[tokio::test]
async fn a_restored_platform_reuses_no_number_and_keeps_the_old_database() {
    let home = TempDir::new().expect("a directory");
    let (dir, file) = (home.path().join("data"), home.path().join("copy.db"));
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let key = founded(&dir, &receiver).await;
    let name = file.to_str().expect("text");
    done(&mut db(&dir, &["backup", name]));
    let serving = Serving::start(&dir);
    let company = serving.operator().keys().await.expect("keys").items[0].company_id;
    let mut last = 0;
    for _ in 0..5 {
        last = serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.expect("an event").id.0;
    }
    serving.kill();
    done(&mut db(&dir, &["rekey"]));
    let said = done(&mut db(&dir, &["restore", name]));
    let aside =
        said.split("the old database was moved to ").nth(1).and_then(|rest| rest.lines().next()).expect("named");
    let kept = Connection::open(aside).expect("it is there");
    let n: i64 = kept.query_row("SELECT max(id) FROM events", [], |row| row.get(0)).expect("it can be read");
    assert_eq!(n, last);
    assert!(Path::new(&format!("{aside}.key")).exists(), "with the key that opens it");
    done(&mut db(&dir, &["verify"]));
    let serving = Serving::start(&dir);
    works(&serving, &key, &receiver).await;
    let next = serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.expect("an event").id.0;
    assert!(next > last + 1, "{next} after {last}");
}

#[tokio::test]
async fn db_verify_names_every_fault() {
    let dir = TempDir::new().expect("a directory");
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    founded(dir.path(), &receiver).await;
    done(&mut db(dir.path(), &["verify"]));
    // What is wrong, undone by the second, and what must be named.
    let faults = [
        (
            "INSERT INTO leases (delivery_id, subscription_id, token, until) VALUES (99, 1, 'x', 5)",
            "DELETE FROM leases",
            "missing deliveries: 99",
        ),
        (
            "UPDATE deliveries SET due_at = 5 WHERE id = 3",
            "UPDATE deliveries SET due_at = NULL WHERE id = 3",
            "with a due time: 3",
        ),
        ("UPDATE counters SET value = 0", "UPDATE counters SET value = 9", "not issued yet: 1"),
        (
            "UPDATE audit SET actor = actor || 'x' WHERE id = 2",
            "UPDATE audit SET actor = rtrim(actor, 'x') WHERE id = 2",
            "row 2",
        ),
        (
            "UPDATE deliveries SET subscription_id = 99 WHERE id = 1",
            "UPDATE deliveries SET subscription_id = 1 WHERE id = 1",
            "deliveries 1 refers to",
        ),
    ];
    for (breaks, mends, named) in faults {
        edit(dir.path(), &format!("PRAGMA foreign_keys = off; {breaks}"));
        let output = ended(&mut db(dir.path(), &["verify"]));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{breaks}: {said}");
        assert!(said.contains("WRONG") && said.contains(named), "{named}: {said}");
        edit(dir.path(), mends);
        done(&mut db(dir.path(), &["verify"]));
    }
    edit(dir.path(), "DELETE FROM audit WHERE id = 3");
    let output = ended(&mut db(dir.path(), &["verify", "--json"]));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of =
        |name: &str| said["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["check"] == name));
    let trail = of("audit trail").expect("looked at");
    assert_eq!((output.status.code(), &trail["verdict"]), (Some(1), &"wrong".into()));
}

#[tokio::test]
async fn x2_wrong_keys_and_swapped_or_edited_secrets_are_refused_by_name() {
    let dir = TempDir::new().expect("a directory");
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    founded(dir.path(), &receiver).await;
    let key = dir.path().join("platform.key");
    let right = std::fs::read_to_string(&key).expect("the key");

    std::fs::write(&key, format!("{}\n", "ab".repeat(32))).expect("written");
    for command in [&mut crow(&["serve", "--bind", "127.0.0.1:0"], dir.path()), &mut db(dir.path(), &["rekey"])] {
        let why = refused(2, command);
        assert!(why.contains("platform.key") && why.contains("crow db restore"), "{why}");
    }
    let why = refused(2, db(dir.path(), &["rekey"]).env(KEY, "not a key"));
    assert!(why.contains(KEY) && !why.contains("not a key"), "{why}");
    done(db(dir.path(), &["verify"]).env(KEY, &right));
    std::fs::write(&key, &right).expect("written");

    let wrong = |named: &[&str]| {
        let output = ended(&mut db(dir.path(), &["verify"]));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for name in named {
            assert!(said.contains(name), "{name} in {said}");
        }
        let why = refused(2, &mut db(dir.path(), &["rekey"]));
        assert!(why.contains(named[0]) && why.contains("platform.key"), "{why}");
    };
    let swap = "CREATE TEMP TABLE t AS SELECT id, secret FROM subscriptions;
        UPDATE subscriptions SET secret = (SELECT secret FROM t WHERE t.id = 3 - subscriptions.id) WHERE id IN (1, 2)";
    edit(dir.path(), swap);
    wrong(&["subscriptions/1/secret", "subscriptions/2/secret"]);
    edit(dir.path(), swap);
    edit(dir.path(), "UPDATE subscriptions SET secret = randomblob(length(secret)) WHERE id = 3");
    wrong(&["subscriptions/3/secret"]);
    edit(dir.path(), "UPDATE platform_values SET value = (SELECT secret FROM subscriptions WHERE id = 1)");
    wrong(&["custody/pepper"]);
}

#[tokio::test]
async fn x2_keys_and_tokens_stay_valid_when_the_master_key_or_its_place_changes() {
    let dir = TempDir::new().expect("a directory");
    let receiver = Receiver::start(&[Behaviour::Status(200)]).await;
    let partner = founded(dir.path(), &receiver).await;
    let file = dir.path().join("platform.key");
    let first = std::fs::read_to_string(&file).expect("the key");
    let before = std::fs::read(dir.path().join("platform.db")).expect("the database");
    done(&mut db(dir.path(), &["rekey"]));
    assert_ne!(std::fs::read_to_string(&file).expect("the key"), first);
    assert_ne!(std::fs::read(dir.path().join("platform.db")).expect("the database"), before);
    let serving = Serving::start(dir.path());
    assert!(refused(2, &mut db(dir.path(), &["rekey"])).contains(&format!("process {}", serving.id())));
    works(&serving, &partner, &receiver).await;
    drop(serving);

    let given = "5c".repeat(32);
    done(db(dir.path(), &["rekey"]).env(NEW_KEY, &given));
    assert!(!file.exists(), "the key is elsewhere now");
    let why = refused(2, &mut crow(&["serve", "--bind", "127.0.0.1:0"], dir.path()));
    assert!(why.contains("platform.key is missing") && why.contains(KEY), "{why}");
    let serving = Serving::with(dir.path(), |command| {
        command.env(KEY, &given);
    });
    works(&serving, &partner, &receiver).await;
    drop(serving);

    done(db(dir.path(), &["rekey"]).env(KEY, &given));
    works(&Serving::start(dir.path()), &partner, &receiver).await;
    assert!(!dir.path().join("platform.key.next").exists(), "nothing is left over");
}
