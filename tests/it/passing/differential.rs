//! The same requests and answers with and without a proxy between: the server hears the same, the client gets the same.

use super::scripted::{Script, Scripted, Sent, exchange};
use super::{Kept, Proxy};
use crate::support::platform::until;

/// A request and the answer to it.
struct Case {
    name: &'static str,
    sent: Sent,
    script: Script,
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn case(name: &'static str, head: &str, body: &[u8], answer: &[u8]) -> Case {
    let head = head.replace('\n', "\r\n").into_bytes();
    Case {
        name,
        sent: Sent { head: [&head, &b"\r\n\r\n"[..]].concat(), body: body.to_vec(), enough: None },
        script: Script::new(answer),
    }
}

fn chunked(pieces: &[&[u8]], trailers: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.extend_from_slice(format!("{:x};ext=\"1\"\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    bytes
}

/// Bytes of every value, so many of them.
fn noise(n: usize) -> Vec<u8> {
    (0..n).map(|at| u8::try_from((at * 31 + at / 253) % 256).unwrap_or(0)).collect()
}

/// The start of `gzip` and noise: nothing between may look into it.
fn gzip() -> Vec<u8> {
    [&[0x1f, 0x8b, 8, 0][..], &noise(700)].concat()
}

/// Requests that differ in method, framing, bytes and headers.
fn requests(method: &str) -> Vec<Case> {
    let post = |more: &str| format!("{method} /in?a=%2F&b HTTP/1.1\nHost: HOST\n{more}");
    let megabyte = noise(1 << 20);
    let length = |body: &[u8]| post(&format!("Content-Length: {}", body.len()));
    vec![
        case("json", &length(b"{\"id\": 1.00}"), b"{\"id\": 1.00}", OK),
        case("empty", &post("Content-Length: 0"), b"", OK),
        case("1 MiB", &length(&megabyte), &megabyte, OK),
        case("not UTF-8", &length(&noise(300)), &noise(300), OK),
        case("gzip", &post(&format!("Content-Encoding: gzip\nContent-Length: {}", gzip().len())), &gzip(), OK),
        case("chunked", &post("Transfer-Encoding: chunked"), &chunked(&[b"ab", &noise(3_000)], ""), OK),
        case(
            "trailers",
            &post("Transfer-Encoding: chunked\nTrailer: X-Sum\nTE: trailers\nConnection: TE"),
            &chunked(&[b"abc"], "X-Sum: 7\r\n"),
            OK,
        ),
        case("expect", &post("Expect: 100-continue\nContent-Length: 3"), b"abc", OK),
        case(
            "headers",
            &post(
                "X-Twice: 1\nx-TWICE: 2\nX-Empty:\nX-Odd: \"a, b\"; c=\u{e9}\nCookie: a=1\nAuthorization: Bearer x\nContent-Length: 2",
            ),
            b"{}",
            OK,
        ),
        case(
            "hop by hop",
            &post(
                "Connection: close, X-Mine\nX-Mine: 1\nKeep-Alive: timeout=5\nProxy-Authorization: Basic x\nUpgrade: h2c\nContent-Length: 2",
            ),
            b"{}",
            OK,
        ),
        case("HTTP/1.0", &format!("{method} /in HTTP/1.0\nHost: HOST\nContent-Length: 2"), b"{}", OK),
    ]
}

/// Answers that differ in status, framing, bytes and headers.
fn answers(method: &str) -> Vec<Case> {
    let head = format!("{method} /in HTTP/1.1\nHost: HOST\nTE: trailers\nConnection: TE\nContent-Length: 2");
    let answer = |name: &'static str, answer: &[u8]| case(name, &head, b"{}", answer);
    let with = |head: &str, body: &[u8]| [head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat();
    let megabyte = noise(1 << 20);
    let mut cases = vec![
        answer(
            "chunks and trailers",
            &with(
                "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Sum",
                &chunked(&[b"ab", b"c"], "X-Sum: 7\r\n"),
            ),
        ),
        answer(
            "gzip",
            &with(&format!("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: {}", gzip().len()), &gzip()),
        ),
        answer(
            "1 MiB in chunks",
            &with(
                "HTTP/1.1 200 OK\nTransfer-Encoding: chunked",
                &chunked(&[&megabyte[..500_000], &megabyte[500_000..]], ""),
            ),
        ),
        answer("1 MiB", &with(&format!("HTTP/1.1 200 OK\nContent-Length: {}", megabyte.len()), &megabyte)),
        answer(
            "not UTF-8",
            &with("HTTP/1.1 500 Internal Server Error\nContent-Length: 300\nX-Odd: caf\u{e9}", &noise(300)),
        ),
        answer("no content", &with("HTTP/1.1 204 No Content\nX-A: 1", b"")),
        // The length that a 304 may state, of a body that it does not have, does not pass.
        answer("not modified", &with("HTTP/1.1 304 Not Modified\nETag: \"x\"", b"")),
        answer("until the close", &with("HTTP/1.0 200 OK\nContent-Type: text/plain", b"to the end")),
        answer("a reason of its own", &with("HTTP/1.1 418 I am a teapot, really\nContent-Length: 0", b"")),
        answer("an unknown status", &with("HTTP/1.1 599 Odd\nContent-Length: 3", b"odd")),
        answer(
            "no date and two cookies",
            &with("HTTP/1.1 201 Created\nSet-Cookie: a=1\nset-cookie: b=2\nContent-Length: 0", b""),
        ),
        answer(
            "a refusal without a body",
            &with("HTTP/1.1 400 Bad Request\nContent-Length: 0\nConnection: close", b""),
        ),
        answer(
            "interim answers",
            &[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".as_slice(), OK].concat(),
        ),
        answer(
            "hop by hop",
            &with(
                "HTTP/1.1 200 OK\nConnection: X-Mine, close\nX-Mine: 1\nKeep-Alive: timeout=5\nProxy-Authenticate: Basic\nContent-Length: 2",
                b"ok",
            ),
        ),
        answer("cut short", &with("HTTP/1.1 200 OK\nContent-Length: 50", b"only this")),
        answer("cut within chunks", &with("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"5\r\nabcde\r\n5\r\nab")),
    ];
    let mut slow = answer("piece by piece", b"");
    slow.script.pieces = with("HTTP/1.1 200 OK\nContent-Length: 6", b"abcdef").chunks(7).map(<[u8]>::to_vec).collect();
    cases.push(slow);
    cases
}

/// Cases of a platform alone: other methods, answers to HEAD, an early answer, an endless one.
fn others() -> Vec<Case> {
    let with = |method: &str| format!("{method} /in HTTP/1.1\nHost: HOST\nX-Api-Key: wlcro_live_1_x");
    let mut cases = vec![
        case("GET", &with("GET"), b"", OK),
        case("GET with a body", &format!("{}\nTransfer-Encoding: chunked", with("GET")), &chunked(&[b"abc"], ""), OK),
        case("HEAD", &with("HEAD"), b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        case("HEAD without a length", &with("HEAD"), b"", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n"),
        case("OPTIONS", &with("OPTIONS"), b"", b"HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n"),
        case("DELETE", &with("DELETE"), b"", b"HTTP/1.1 204 No Content\r\n\r\n"),
        case("PATCH", &format!("{}\nContent-Length: 2", with("PATCH")), b"{}", OK),
        case("a method of its own", &with("PURGE"), b"", OK),
        case("an odd path", "GET //a/../b%00%ff/;x?&&=%zz HTTP/1.1\nHost: HOST", b"", OK),
        case("OPTIONS of the server", "OPTIONS * HTTP/1.1\nHost: HOST", b"", OK),
    ];
    let body = noise(200_000);
    let mut early = case(
        "an early answer",
        &format!("{}\nContent-Length: {}", with("POST"), body.len()),
        &body,
        b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlong",
    );
    early.script.is_early = true;
    cases.push(early);
    let mut endless = case("endless", &with("GET"), b"", b"");
    endless.sent.enough = Some(300_000);
    let chunk = [b"3e8\r\n", &[b'x'; 1_000][..], b"\r\n"].concat();
    endless.script.pieces = vec![b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), chunk];
    endless.script.is_endless = true;
    cases.push(endless);
    cases
}

/// Plays a case directly and through a proxy, and compares what both ends have got.
async fn compare(of: &Case, proxy: &Proxy, upstream: &Scripted, faults: &mut Vec<String>) {
    let direct = exchange(upstream.address, &of.sent).await;
    let passed = exchange(proxy.address, &of.sent).await;
    until("both were heard", async || upstream.heard().len() >= 2).await;
    let heard = upstream.heard();
    assert_eq!(heard.len(), 2, "{}: asked once each", of.name);
    let (mut direct_heard, mut passed_heard) = (heard[0].clone(), heard[1].clone());
    if of.script.is_early || of.sent.enough.is_some() {
        // How much of the body came before the answer, and of an endless answer before the client went, is chance.
        for message in [&mut direct_heard, &mut passed_heard] {
            message.body.clear();
            message.is_whole = true;
        }
    }
    let cut = |message: &super::messages::Message| {
        let mut message = message.clone();
        message.body.truncate(of.sent.enough.unwrap_or(usize::MAX));
        message.in_common()
    };
    if cut(&direct) != cut(&passed) {
        faults.push(format!("{}: the client got\n{}instead of\n{}", of.name, cut(&passed), cut(&direct)));
    }
    if direct_heard.in_common() != passed_heard.in_common() {
        let (direct, passed) = (direct_heard.in_common(), passed_heard.in_common());
        faults.push(format!("{}: the server heard\n{passed}instead of\n{direct}", of.name));
    }
    assert_eq!(passed_heard.header("host"), Some(upstream.address.to_string()), "{}", of.name);
    assert!(passed_heard.header("via").is_some_and(|via| via.contains("crow-")), "{}", of.name);
    for name in ["x-mine", "keep-alive", "proxy-authorization", "upgrade"] {
        assert_eq!((passed_heard.header(name), passed.header(name)), (None, None), "{}: {name}", of.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_a_relay_is_the_same_as_without_it() {
    let kept = Kept::new();
    let (mut faults, mut n) = (Vec::new(), 0);
    for of in requests("POST").into_iter().chain(answers("POST")).chain(others()) {
        let upstream = Scripted::start(of.script.clone()).await;
        let proxy = Proxy::relay(&format!("http://{}", upstream.address), kept.sink()).await;
        compare(&of, &proxy, &upstream, &mut faults).await;
        proxy.end().await;
        n += 1;
        let recorded = kept.rows("SELECT count(*) FROM relayed_calls");
        assert_eq!(recorded, [[n.to_string()]], "{}: recorded once", of.name);
    }
    assert!(faults.is_empty(), "{} of {n}:\n{}", faults.len(), faults.join("\n"));
    assert!(n >= 38, "{n} cases");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_a_listener_is_the_same_as_without_it() {
    let kept = Kept::new();
    let (mut faults, mut n) = (Vec::new(), 0);
    for of in requests("POST").into_iter().chain(answers("POST")) {
        let upstream = Scripted::start(of.script.clone()).await;
        let (proxy, _arrived) = Proxy::listener(&format!("http://{}/in", upstream.address), kept.sink()).await;
        compare(&of, &proxy, &upstream, &mut faults).await;
        proxy.end().await;
        n += 1;
        let recorded = kept.rows("SELECT count(*), count(DISTINCT report_id) FROM received_deliveries");
        assert_eq!(recorded, [[n.to_string(), n.to_string()]], "{}: recorded once", of.name);
    }
    assert!(faults.is_empty(), "{} of {n}:\n{}", faults.len(), faults.join("\n"));
    assert!(n >= 27, "{n} cases");
    let whole =
        kept.rows("SELECT sum(length(body)), sum(n_bytes), min(signature_result), max(path) FROM received_deliveries");
    assert_eq!(whole[0][0], whole[0][1], "bodies are kept whole, as this listener was told to");
    assert_eq!(whole[0][2..], ["not checked".to_owned(), "/in".to_owned()]);
}
