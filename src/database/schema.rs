//! Schema verification: compares a database's schema with the one its migrations create. Foreign schema objects would
//! run within this program's statements: a trigger moves rows, a view or virtual table replaces a table, an index
//! evaluates an expression.

use super::error::Error;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Exact definitions of objects that SQLite itself and replication tools add.
const TOLERATED_DEFINITIONS: &[&str] = &[
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
    "CREATE TABLE _litestream_lock (id INTEGER)",
];

/// Type, name and table of every schema object, with its definition.
type SchemaObjects = BTreeMap<(String, String, String), Option<String>>;

/// Reads every object of a schema.
fn read_schema(connection: &Connection) -> rusqlite::Result<SchemaObjects> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))?;
    rows.collect()
}

/// Lists the differences between the schema of a database and the one that `scripts` create, one sentence each; empty
/// if equal.
///
/// # Errors
/// [`Error`] when the schema cannot be read.
pub fn differences(connection: &Connection, scripts: &[&str]) -> Result<Vec<String>, Error> {
    let ours = Connection::open_in_memory()?;
    for script in scripts {
        ours.execute_batch(script)?;
    }
    let (ours, theirs) = (read_schema(&ours)?, read_schema(connection)?);
    let is_known = |sql: &Option<String>| sql.as_deref().is_some_and(|sql| TOLERATED_DEFINITIONS.contains(&sql));
    let mut found = Vec::new();
    for (item, sql) in &theirs {
        let (kind, name, table) = item;
        match ours.get(item) {
            Some(wanted) if wanted == sql => {}
            Some(_) => found.push(format!("the {kind} {name} is not defined as this program defines it")),
            None if is_known(sql) => {}
            None if name == table => found.push(format!("the {kind} {name} is not this program's")),
            None => found.push(format!("the {kind} {name} on {table} is not this program's")),
        }
    }
    found.extend(
        ours.keys()
            .filter(|item| !theirs.contains_key(*item))
            .map(|(kind, name, _)| format!("the {kind} {name} is missing")),
    );
    Ok(found)
}
