//! Malformed requests: good ones, cut, doubled, spliced and sprinkled with bytes, over a raw connection. Whatever comes, the platform
//! answers with a success or a 4xx that has a request id, never repeats the key, and lives. `PROPTEST_CASES=100000 cargo test --test it fuzz`
//! tries for longer.

use super::{LEAD, Partner, often};
use crate::mutation::{changed, changes};
use crate::support::platform::within;
use crow::clock::RuntimeEnv;
use crow::domain::scope::KeyScope;
use crow::server::guard::RouteAccess;
use crow::server::router::table;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Real time after which the scripted clock moves on during an unfinished request.
const MOMENT: Duration = Duration::from_millis(40);

/// A good request for every route, and some with queries.
fn corpus(key: &str, token: &str) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    for route in
        table().into_iter().filter(|route| !route.path.ends_with("/stream") && !route.path.ends_with("/revoke"))
    {
        let credential = match route.access {
            RouteAccess::Public => String::new(),
            RouteAccess::Key(..) => format!("X-Api-Key: {key}\r\n"),
            RouteAccess::Operator(_) => format!("Authorization: Bearer {token}\r\n"),
        };
        let (path, method) = (route.path.replace("{id}", "1"), &route.method);
        let query = if method == "GET" { "?limit=2&since=2026-11-23T00:00:00Z&email=ada@example.com" } else { "" };
        let body = if method == "POST" || method == "PATCH" { LEAD } else { "" };
        requests.push(
            format!(
                "{method} {path}{query} HTTP/1.1\r\nHost: localhost\r\n{credential}Content-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        );
    }
    requests
}

/// Sends bytes and reads until the platform closes the connection. An unfinished request gets time on the platform's
/// clock before it is dropped.
async fn exchange(address: &str, bytes: &[u8], ambient: &RuntimeEnv) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("it lives");
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let (mut buffer, mut n_waits) = ([0; 16_384], 0);
    loop {
        match RuntimeEnv::real().timeout(MOMENT, stream.read(&mut buffer)).await {
            Some(Ok(n @ 1..)) => answer.extend_from_slice(&buffer[..n]),
            Some(_) => return answer,
            None if n_waits == 0 => ambient.advance(Duration::from_secs(11)),
            None => drop(stream.shutdown().await),
        }
        n_waits += 1;
    }
}

fn judge(answer: &[u8], secrets: [&str; 2]) -> Result<(), String> {
    let text = String::from_utf8_lossy(answer);
    if let Some(secret) = secrets.iter().find(|secret| text.contains(&secret[12..])) {
        return Err(format!("{} is repeated in {text}", &secret[..8]));
    }
    // Several requests may have been read; a closed connection without an answer is an answer.
    for head in text.split("HTTP/1.1 ").skip(1) {
        let status: u16 = head.get(..3).and_then(|status| status.parse().ok()).ok_or("a strange status")?;
        let is_fine = matches!(status, 100 | 200..=299)
            || (400..500).contains(&status)
            || ["contended", "not_implemented"].iter().any(|code| head.contains(&format!("\"code\":\"{code}\"")));
        if !is_fine || (status >= 400 && !head.contains("x-request-id: ")) {
            return Err(format!("HTTP/1.1 {head}"));
        }
    }
    Ok(())
}

#[test]
fn changed_requests_are_answered_with_a_success_or_a_4xx_and_the_platform_lives() {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let partner = runtime.block_on(Partner::start());
    let key = runtime.block_on(partner.platform.key_with(&partner.company, &KeyScope::ALL, often()));
    let token = partner.platform.token();
    let corpus = corpus(key.reveal(), token.reveal());
    let address = partner.platform.address.trim_start_matches("http://");
    let config = Config { cases: Config::default().cases.max(600), failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(&(0..corpus.len(), changes()), |(which, changes)| {
        let request = changed(corpus[which].clone(), &changes, &corpus);
        let answer = runtime.block_on(exchange(address, &request, &partner.platform.ambient));
        judge(&answer, [key.reveal(), token.reveal()])
            .map_err(|why| TestCaseError::fail(format!("{why}\nto {}", request.escape_ascii())))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
    let lives = async { partner.platform.call("GET", "/readyz", &[], None).await.status };
    assert_eq!(runtime.block_on(within("an answer", lives)), 200);
}
