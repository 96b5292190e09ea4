//! The real binary under callers that send, hold or ask for too much, watched from outside: memory, files, and what others wait. `CROW_OVERLOAD=60`
//! has floods last for a minute in place of two seconds, and holds waits to what an idle machine keeps to.

mod flood;
mod peers;
mod signatures;

use crate::storage::process::Serving;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The seconds of the long form, if that is wanted.
#[expect(clippy::disallowed_methods, reason = "the long form is asked for from outside")]
fn long_seconds() -> Option<u64> {
    std::env::var("CROW_OVERLOAD").ok()?.parse().ok()
}

fn is_long() -> bool {
    long_seconds().is_some()
}

/// Duration of a flood.
fn flood_time() -> Duration {
    Duration::from_secs(long_seconds().unwrap_or(2))
}

/// Memory that the process holds now, in KiB.
fn resident(of: &Serving) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", of.id())).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Bytes of the database, its log included, as they would be after a checkpoint.
fn database_size(dir: &Path) -> i64 {
    let database = rusqlite::Connection::open(dir.join("platform.db")).expect("a database");
    let ask = |what: &str| database.pragma_query_value(None, what, |row| row.get::<_, i64>(0)).expect("a number");
    ask("page_count") * ask("page_size")
}

/// Raises the limit of file descriptors of this process and its children to the system's maximum, because thousands of
/// peers need one each.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("up to the hard limit");
}

/// A bare connection.
async fn connect(of: &Serving) -> TcpStream {
    TcpStream::connect(of.address.trim_start_matches("http://")).await.expect("a connection")
}

/// Sends requests that have bodies of JSON at most in their answers, all at once, and reads until each is answered. The statuses.
async fn exchange(stream: &mut TcpStream, requests: &[u8], n: usize) -> std::io::Result<Vec<u16>> {
    let (mut reader, mut writer) = stream.split();
    let send = async {
        writer.write_all(requests).await?;
        Ok::<_, std::io::Error>(())
    };
    let read = async {
        let (mut statuses, mut text, mut chunk) = (Vec::new(), Vec::new(), vec![0; 64 << 10]);
        while statuses.len() < n {
            let more = reader.read(&mut chunk).await?;
            if more == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            text.extend_from_slice(&chunk[..more]);
            while let Some((status, length)) = first_answer(&text) {
                statuses.push(status);
                text.drain(..length);
            }
        }
        Ok(statuses)
    };
    let (sent, read) = tokio::join!(send, read);
    sent.and(read)
}

/// The status and the length of the first whole answer.
fn first_answer(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).expect("an ASCII head");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let length = end + length.parse::<usize>().expect("a number");
    (bytes.len() >= length).then(|| (head[9..12].parse().expect("a status"), length))
}

#[expect(clippy::print_stdout, reason = "the figures are wanted from a long run")]
fn say(text: &str) {
    println!("{text}");
}
