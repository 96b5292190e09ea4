//! What is cut short at any of its changes leaves what was, or what was to be: a change of the key, a restore, a migration.

use super::disk::Shim;
use super::process::{Serving, crow, done, ended, lead, subscription};
use crow::wire::changes;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A platform that was stopped, to be copied.
async fn template(dir: &Path) {
    let serving = Serving::start(dir);
    let (company, partner) = serving.company().await;
    for _ in 0..3 {
        partner.create_subscription(&subscription("http://127.0.0.1:9/")).await.expect("a subscription");
    }
    serving.operator().change(&changes::EMIT_EVENT, &lead(company.id)).await.expect("an event");
    serving.stop();
}

pub(crate) fn copied(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).expect("made");
    for file in std::fs::read_dir(from).expect("a directory").flatten() {
        std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
}

/// Runs `command` on copies of a directory and kills it before every `stride`th change, beginning with the first, until
/// it completes. `judge` examines the result of each kill. Returns the number of kills.
fn cut_everywhere(
    from: &Path,
    stride: usize,
    command: impl Fn(&Path) -> Command,
    judge: impl Fn(&Path, usize),
) -> usize {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let shim = Shim::build(home.path(), &dir);
    for turn in 0.. {
        copied(from, &dir);
        let mut command = command(&dir);
        shim.die_at(&mut command, 1 + turn * stride);
        let output = ended(&mut command);
        if output.status.success() {
            return turn;
        }
        assert_eq!(output.status.code(), None, "killed, and nothing else: {output:?}");
        judge(&dir, 1 + turn * stride);
    }
    unreachable!("it gets through at last")
}

#[tokio::test]
async fn x2_a_rekey_that_is_killed_at_any_point_leaves_everything_readable() {
    let home = TempDir::new().expect("a directory");
    template(home.path()).await;
    let rekey = |dir: &Path| crow(&["db", "rekey"], dir);
    let n = cut_everywhere(home.path(), 1, rekey, |dir, n| {
        let said = ended(&mut crow(&["db", "verify"], dir));
        assert!(said.status.success(), "killed in front of change {n}: {said:?}");
        done(&mut rekey(dir));
        done(&mut crow(&["db", "verify"], dir));
    });
    assert!(n > 20, "{n} kills");
}

#[tokio::test]
async fn a_restore_that_is_killed_at_any_point_leaves_the_old_or_the_new_database() {
    let home = TempDir::new().expect("a directory");
    let (dir, file) = (home.path().join("data"), home.path().join("copy.db"));
    template(&dir).await;
    let name = file.to_str().expect("text").to_owned();
    done(&mut crow(&["db", "backup", &name], &dir));
    done(&mut crow(&["db", "rekey"], &dir));
    let restore = |dir: &Path| crow(&["db", "restore", &name], dir);
    let n = cut_everywhere(&dir, 1, restore, |dir, n| {
        let said = ended(&mut crow(&["db", "verify"], dir));
        assert!(said.status.success(), "killed in front of change {n}: {said:?}");
        if n % 8 == 0 {
            Serving::start(dir).stop();
            done(&mut restore(dir));
            done(&mut crow(&["db", "verify"], dir));
        }
    });
    assert!(n > 20, "{n} kills");
}

/// The scripts, version by version.
pub(crate) fn scripts() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/migrations/platform");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a script")).collect()
}

/// Creates a database with the schema of an earlier version.
fn earlier(path: &Path, version: usize) {
    let database = Connection::open(path).expect("a database");
    for script in &scripts()[..version] {
        database.execute_batch(script).expect("a schema");
    }
    database.pragma_update(None, "application_id", i32::from_be_bytes(*b"crow")).expect("marked");
    database.pragma_update(None, "user_version", i64::try_from(version).expect("small")).expect("marked");
    let rows = "INSERT INTO companies (name, created_at) VALUES ('Acme', 1);
        INSERT INTO operators (name, role, hash, created_at) VALUES ('admin', 'admin', x'00', 1);
        INSERT INTO clients (company_id, first_name, last_name, email, status_id, created_at) VALUES (1, 'A', 'B', 'C@D', 10, 1)";
    database.execute_batch(rows).expect("filled");
}

/// Returns the schema version of a database and its schema.
fn schema(path: &Path) -> (usize, Vec<String>) {
    let database = Connection::open(path).expect("a database");
    let version = database.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).expect("a version");
    let mut statement =
        database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("a schema");
    (usize::try_from(version).expect("small"), rows)
}

#[test]
fn k4_a_migration_that_is_killed_at_any_point_leaves_the_old_or_the_new_schema() {
    let home = TempDir::new().expect("a directory");
    let from = home.path().join("data");
    std::fs::create_dir(&from).expect("made");
    earlier(&from.join("platform.db"), 1);
    std::fs::write(from.join("platform.key"), "7a".repeat(32)).expect("written");
    let known: Vec<_> = [1, scripts().len()]
        .map(|version| {
            let path = home.path().join(format!("{version}.db"));
            earlier(&path, version);
            schema(&path)
        })
        .into();
    let migrate = |dir: &Path| crow(&["db", "rekey"], dir);
    let n = cut_everywhere(&from, 7, migrate, |dir, n| {
        let copy = TempDir::new().expect("a directory");
        copied(dir, &copy.path().join("copy"));
        let found = schema(&copy.path().join("copy/platform.db"));
        assert!(known.contains(&found), "killed in front of change {n}: version {}", found.0);
        done(&mut migrate(dir));
        done(&mut crow(&["db", "verify"], dir));
    });
    assert!(n > 10, "{n} kills");
}
