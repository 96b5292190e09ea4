//! HTTP/1.1 messages as bytes, read without code of crow: what two messages have in common whatever the connections
//! between.

use std::fmt::Write as _;

/// Headers that belong to one connection, and `Host`, which names the next server.
const OF_A_CONNECTION: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
    "host",
];

/// A message that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Request line, or status line.
    pub(super) start: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<(String, Vec<u8>)>,
    /// Whether the end of the message came.
    pub(super) is_whole: bool,
}

/// Kind of a message, which decides where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    /// Answer to a request; one to HEAD has no body.
    Answer {
        to_head: bool,
    },
}

impl Message {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Everything that must be the same whatever stands between: status or method, headers with their spelling, bytes.
    pub(super) fn in_common(&self) -> String {
        let mut words: Vec<&str> = self.start.split(' ').collect();
        words.retain(|word| !word.starts_with("HTTP/1."));
        let mut text = format!("{}\n", words.join(" "));
        let named = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        let is_of_connection = |name: &str| {
            let name = name.to_ascii_lowercase();
            OF_A_CONNECTION.contains(&name.as_str()) || named.split(',').any(|of| of.trim() == name)
        };
        let mut headers: Vec<&(String, Vec<u8>)> =
            self.headers.iter().filter(|(name, _)| !is_of_connection(name)).collect();
        headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        for (name, value) in headers {
            let _ = writeln!(text, "{name}: {}", value.escape_ascii());
        }
        let _ = writeln!(text, "{} bytes, sum {}", self.body.len(), sum(&self.body));
        for (name, value) in &self.trailers {
            let _ = writeln!(text, "trailer {}: {}", name.to_ascii_lowercase(), value.escape_ascii());
        }
        let _ = writeln!(text, "whole: {}", self.is_whole);
        text
    }
}

/// Sum of bytes that depends on their order.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum: u64, byte| sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(*byte)))
}

/// Length of the head at the beginning of the bytes, with its empty line.
fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads a message; `None` as long as its head is not there. Interim answers are passed over.
pub(super) fn read(bytes: &[u8], kind: Kind, is_closed: bool) -> Option<Message> {
    let n_head = head_length(bytes)?;
    let mut lines =
        bytes[..n_head - 4].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let rest = &bytes[n_head..];
    let status: u16 = start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    if kind != Kind::Request && (100..200).contains(&status) {
        return read(rest, kind, is_closed);
    }
    let headers: Vec<(String, Vec<u8>)> = lines.map(pair).collect();
    let mut message = Message { start, headers, ..Message::default() };
    let is_chunked = message.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length: Option<usize> = message.header("content-length").and_then(|length| length.parse().ok());
    let is_bare = matches!(kind, Kind::Answer { to_head: true }) || [204, 304].contains(&status);
    if is_bare && kind != Kind::Request {
        message.is_whole = true;
        message.body = rest.to_vec();
    } else if is_chunked {
        read_chunks(rest, &mut message);
    } else if let Some(length) = length {
        message.body = rest[..rest.len().min(length)].to_vec();
        message.is_whole = message.body.len() == length;
    } else if kind == Kind::Request {
        message.is_whole = true;
    } else {
        message.body = rest.to_vec();
        message.is_whole = is_closed;
    }
    Some(message)
}

fn pair(line: &[u8]) -> (String, Vec<u8>) {
    let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let value = line.get(at + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&line[..at]).into_owned(), value.trim_ascii().to_vec())
}

fn read_chunks(mut rest: &[u8], message: &mut Message) {
    let line_end = |bytes: &[u8]| bytes.windows(2).position(|two| two == b"\r\n");
    while let Some(end) = line_end(rest) {
        let size = String::from_utf8_lossy(&rest[..end]).split(';').next().unwrap_or_default().trim().to_owned();
        let Ok(size) = usize::from_str_radix(&size, 16) else { return };
        rest = &rest[end + 2..];
        if size == 0 {
            while let Some(end) = line_end(rest) {
                if end == 0 {
                    message.is_whole = true;
                    return;
                }
                message.trailers.push(pair(&rest[..end]));
                rest = &rest[end + 2..];
            }
            return;
        }
        message.body.extend_from_slice(&rest[..rest.len().min(size)]);
        if rest.len() < size + 2 {
            return;
        }
        rest = &rest[size + 2..];
    }
}

#[test]
fn messages_are_read_by_their_framing() {
    let answer = Kind::Answer { to_head: false };
    let bytes = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
    let whole = read(bytes, answer, false).expect("a message");
    assert_eq!((whole.body.as_slice(), whole.is_whole, whole.trailers.len()), (&b"abc"[..], true, 1));
    assert!(whole.in_common().starts_with("200 Fine\n3 bytes"), "{}", whole.in_common());
    let cut = read(&bytes[..bytes.len() - 4], answer, true).expect("a message");
    assert!(!cut.is_whole && cut.body == b"abc");
    let closed = |is_closed| read(b"HTTP/1.0 200 OK\r\n\r\nabc", answer, is_closed).expect("a message").is_whole;
    assert!(closed(true) && !closed(false));
    let short = read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", answer, true).expect("a message");
    assert!(!short.is_whole);
    assert_ne!(short.in_common(), closed(true).to_string());
}
