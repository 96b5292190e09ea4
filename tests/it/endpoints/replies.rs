//! What receivers answer when they do not keep to HTTP: every reply is classified, with a plain reason, and none of them does harm.

use super::{Scene, came_to};
use crate::support::faults::{Act, Faults, say};
use crow::domain::target::TargetPolicy;
use std::fmt::Write as _;

/// A reply after the whole request was heard.
fn reply(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::Hear, say(bytes)]
}

fn headers(n: usize) -> String {
    (0..n).map(|n| format!("x-{n}: {n}\r\n")).collect()
}

/// Answers that are answers: the status counts.
fn answers() -> Vec<(&'static str, Vec<Act>, u16)> {
    let long = |n: usize| format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 0\r\n\r\n", "a".repeat(n));
    vec![
        ("with a length", reply("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nseen"), 200),
        ("without a body", reply("HTTP/1.1 204 No Content\r\n\r\n"), 204),
        ("up to the close", reply("HTTP/1.1 200 OK\r\n\r\nseen"), 200),
        ("in chunks", reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nseen\r\n0\r\n\r\n"), 200),
        (
            "in chunks with extensions and trailers",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;a=b\r\nseen\r\n0\r\nx-sum: 1\r\n\r\n"),
            200,
        ),
        ("in the old version", reply("HTTP/1.0 200 OK\r\n\r\nseen"), 200),
        ("without a reason", reply("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n"), 200),
        ("with bare line feeds", reply("HTTP/1.1 200 OK\ncontent-length: 0\n\n"), 200),
        ("after 100", reply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), 200),
        (
            "after early hints",
            reply(format!(
                "{}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(3)
            )),
            200,
        ),
        (
            "after a flood of 1xx",
            reply(format!(
                "{}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\n".repeat(5_000)
            )),
            200,
        ),
        ("with NULs in the body", reply("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\0\0\0\0"), 200),
        (
            "with bytes beyond ASCII in a header",
            reply(b"HTTP/1.1 200 OK\r\nx-name: \xfc\xff\r\ncontent-length: 0\r\n\r\n"),
            200,
        ),
        ("with 99 headers", reply(format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", headers(99))), 200),
        ("with a head of 60 KB", reply(long(60_000)), 200),
        (
            "with the same length twice",
            reply("HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nseen"),
            200,
        ),
        ("that fails", reply("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"), 500),
        ("that is gone", reply("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"), 410),
        ("at the edge of success", reply("HTTP/1.1 299 Fine\r\ncontent-length: 0\r\n\r\n"), 299),
        ("with a status that means nothing", reply("HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n"), 999),
        (
            "that switches protocols",
            reply("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            101,
        ),
        ("before the request", vec![say("HTTP/1.1 503 Busy\r\nconnection: close\r\n\r\n"), Act::Hear], 503),
        ("half closed afterwards", vec![Act::Hear, say("HTTP/1.1 200 OK\r\n\r\nseen"), Act::HalfClose], 200),
        (
            "with more than it said",
            reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 Smuggled\r\n\r\n"),
            200,
        ),
        (
            "that says to be packed and is not",
            reply("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nseen"),
            200,
        ),
    ]
}

/// Invalid reply: its name, the acts of the receiver, and the expected cause with the beginning of the reason.
type Fault = (&'static str, Vec<Act>, &'static str);

/// Heads that are none.
fn heads() -> Vec<Fault> {
    let garbled = |name, bytes: &str| (name, reply(bytes), "garbled: response is not HTTP");
    let mut wide = "HTTP/1.1 200 OK\r\nx-wide: ".to_owned();
    let _ = write!(wide, "{}\r\n\r\n", "a".repeat(1_000_000));
    vec![
        garbled("noise", "\x01\x02\x03\x04\r\n\r\n"),
        garbled("SSH", "SSH-2.0-OpenSSH_9.9\r\n"),
        garbled("SMTP", "220 mail.example ESMTP\r\n250 ok\r\n"),
        garbled("TLS", "\x15\x03\x01\0\x02\x02\x46"),
        garbled("HTTP/2 in words", "HTTP/2.0 200 OK\r\n\r\n"),
        garbled("HTTP/2 in frames", "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\0\0"),
        garbled("HTTP/0.9", "<html>seen</html>\r\n"),
        garbled("HTTP/3.7", "HTTP/3.7 200 OK\r\n\r\n"),
        garbled("a status in letters", "HTTP/1.1 abc\r\n\r\n"),
        garbled("a status of two digits", "HTTP/1.1 20\r\n\r\n"),
        garbled("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        garbled("a status below 100", "HTTP/1.1 099 Low\r\n\r\n"),
        garbled("a NUL in a header's name", "HTTP/1.1 200 OK\r\nx\0y: 1\r\n\r\n"),
        garbled("a NUL in a header's value", "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n"),
        garbled("a bare carriage return", "HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n"),
        garbled("an escape in a header", "HTTP/1.1 200 OK\r\nx: \x1b[2J\r\n\r\n"),
        garbled("a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
        garbled("a header without a name", "HTTP/1.1 200 OK\r\n: nothing\r\n\r\n"),
        garbled("a space before the colon", "HTTP/1.1 200 OK\r\nx : 1\r\n\r\n"),
        garbled("a folded header", "HTTP/1.1 200 OK\r\nx: 1\r\n 2\r\n\r\n"),
        garbled("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        garbled("a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"),
        garbled("a length beyond counting", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n"),
        garbled("a length in hex", "HTTP/1.1 200 OK\r\ncontent-length: 0x4\r\n\r\nseen"),
        ("a head of 1 MB", reply(wide), "garbled: response headers too large"),
        (
            "1,000 headers",
            reply(format!("HTTP/1.1 200 OK\r\n{}\r\n", headers(1_000))),
            "garbled: response headers too large",
        ),
    ]
}

/// Bodies that are not what they say, and connections that end.
fn ends() -> Vec<Fault> {
    let body = "garbled: response body does not match its headers";
    vec![
        (
            "a chunk of no size",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nseen\r\n0\r\n\r\n"),
            body,
        ),
        (
            "a chunk of negative size",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-4\r\nseen\r\n0\r\n\r\n"),
            body,
        ),
        (
            "a chunk beyond counting",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nseen"),
            body,
        ),
        (
            "a chunk that is longer than it says",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nseen\r\n0\r\n\r\n"),
            body,
        ),
        (
            "a chunk that ends in the middle",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nseen"),
            "broken: the receiver closed the connection before the rest",
        ),
        (
            "no last chunk",
            reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nseen\r\n"),
            "broken: the receiver closed the connection before the rest",
        ),
        (
            "less than it said",
            reply("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nseen"),
            "broken: the receiver closed the connection before the rest",
        ),
        ("nothing", vec![Act::Hear], "broken: the receiver closed the connection before the response headers"),
        (
            "nothing, half closed",
            vec![Act::Hear, Act::HalfClose],
            "broken: the receiver closed the connection before the response headers",
        ),
        (
            "half a head",
            reply("HTTP/1.1 200 OK\r\ncontent-le"),
            "broken: the receiver closed the connection before the response headers",
        ),
        ("a reset at once", vec![Act::Reset], "broken: the receiver"),
        (
            "a reset instead of an answer",
            vec![Act::Hear, Act::Reset],
            "broken: the receiver reset the connection before the response headers",
        ),
        (
            "a reset in the head",
            vec![Act::Hear, say("HTTP/1.1 200 OK\r\nx:"), Act::Reset],
            "broken: the receiver reset the connection before the response headers",
        ),
        (
            "a reset in the body",
            vec![Act::Hear, say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nseen"), Act::Reset],
            "broken: the receiver reset the connection before the rest",
        ),
    ]
}

#[tokio::test]
async fn e4_answers_are_classified_by_their_status() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[]).await;
    let subscription = scene.aim(&receiver.url()).await;
    let mut wrong = Vec::new();
    for (name, script, status) in answers() {
        receiver.becomes(&script);
        let got = came_to(&scene.shoot(subscription).await);
        receiver.settled().await;
        if got != status.to_string() {
            wrong.push(format!("an answer {name}: {got} instead of {status}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn e4_invalid_answers_are_classified_with_a_plain_reason() {
    assert!(answers().len() + heads().len() + ends().len() >= 60);
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[]).await;
    let subscription = scene.aim(&receiver.url()).await;
    let mut wrong = Vec::new();
    for (name, script, expected) in heads().into_iter().chain(ends()) {
        receiver.becomes(&script);
        let got = came_to(&scene.shoot(subscription).await);
        receiver.settled().await;
        if !got.starts_with(expected) {
            wrong.push(format!("{name}: {got} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn e4_a_port_without_a_listener_is_refused() {
    let scene = Scene::new(TargetPolicy::Private, Vec::new()).await;
    let receiver = Faults::start(&[]).await;
    let url = receiver.url();
    drop(receiver);
    let subscription = scene.aim(&url).await;
    let closed = async || came_to(&scene.shoot(subscription).await).starts_with("refused: 127.0.0.1:");
    scene.platform.until("the port is closed", closed).await;
}
