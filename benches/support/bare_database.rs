//! Database of the bare limits: a copy of the platform's, opened without the platform.

use crow::database::Database;
use crow::database::options::DatabaseOptions;
use rusqlite::Connection;
use std::path::Path;

/// Copies the platform's database in `dir` to `bare.db` beside it, and opens the copy.
pub(crate) fn open_copy(dir: &Path, n_readers: usize) -> Database {
    let path = dir.join("bare.db");
    let original = Connection::open(dir.join("platform.db")).expect("the database");
    original.execute("VACUUM INTO ?1", [path.display().to_string()]).expect("copied");
    let application_id =
        original.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0)).expect("a number");
    // The schema is there already; opening compares the schema with these scripts.
    let migrations = platform_migrations();
    let options =
        DatabaseOptions { application_id, migrations, n_readers, queue_capacity: 4_096, reserved_capacity: 0 };
    Database::open(&path, options).expect("it opens")
}

/// Migrations of the platform's database, in order, from the sources.
fn platform_migrations() -> &'static [&'static str] {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/migrations/platform");
    let entries = std::fs::read_dir(dir).expect("the migrations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    let read = |file| &*std::fs::read_to_string(file).expect("readable").leak();
    files.into_iter().map(read).collect::<Vec<&'static str>>().leak()
}
