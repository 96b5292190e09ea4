//! Whether the schema of a database is the one that its migrations make. What a stranger adds would be carried out by every statement of
//! ours: a trigger moves rows, a view or a virtual table answers in the place of a table, an index evaluates an expression.

use super::Error;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What SQLite itself and replication tools add, to the letter.
const KNOWN: &[&str] = &[
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
    "CREATE TABLE _litestream_lock (id INTEGER)",
];

/// Type, name and table of everything in a schema, with its definition.
type Schema = BTreeMap<(String, String, String), Option<String>>;

fn read(connection: &Connection) -> rusqlite::Result<Schema> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))?;
    rows.collect()
}

/// How the schema of a database differs from the one that `scripts` make, a sentence each; empty if it does not.
///
/// # Errors
/// When the schema cannot be read.
pub fn differences(connection: &Connection, scripts: &[&str]) -> Result<Vec<String>, Error> {
    let ours = Connection::open_in_memory()?;
    for script in scripts {
        ours.execute_batch(script)?;
    }
    let (ours, theirs) = (read(&ours)?, read(connection)?);
    let is_known = |sql: &Option<String>| sql.as_deref().is_some_and(|sql| KNOWN.contains(&sql));
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
