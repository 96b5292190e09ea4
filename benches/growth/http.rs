//! Calls of an operator over one kept connection, timed without reading JSON.

use crate::figures::Figure;
use crate::process::Serving;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crow::clock::RuntimeEnv;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// Operator with a connection.
pub(crate) struct Caller {
    address: String,
    token: String,
    ambient: RuntimeEnv,
    requests: Option<SendRequest<Empty<Bytes>>>,
}

impl Caller {
    pub(crate) fn new(serving: &Serving) -> Self {
        let token = std::fs::read_to_string(serving.data_dir().join("operator.token")).expect("the token");
        let address = serving.address.trim_start_matches("http://").to_owned();
        Self { address, token: token.trim().to_owned(), ambient: RuntimeEnv::real(), requests: None }
    }

    /// Gets a path: the time until the whole answer is there, and its body.
    pub(crate) async fn get(&mut self, path: &str) -> (Duration, Bytes) {
        let is_open = match &mut self.requests {
            Some(requests) => requests.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            let stream = TcpStream::connect(&self.address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
            tokio::spawn(connection);
            self.requests = Some(requests);
        }
        let request = hyper::Request::get(path)
            .header("host", &self.address)
            .header("authorization", format!("Bearer {}", self.token))
            .body(Empty::new())
            .expect("a request");
        let requests = self.requests.as_mut().expect("a connection");
        requests.ready().await.expect("an open connection");
        let watch = self.ambient.stopwatch();
        let response = requests.send_request(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let took = watch.elapsed();
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        (took, body)
    }

    /// Gets the path of each of `n` calls.
    pub(crate) async fn repeat(&mut self, name: &'static str, n: usize, path: impl Fn(usize) -> String) -> Figure {
        let mut took = Vec::with_capacity(n);
        for n in 0..n {
            took.push(self.get(&path(n)).await.0);
        }
        Figure::millis(name, &took)
    }

    /// Follows a log from a cursor on, page by page, `n` times; from that cursor again at the end of the log.
    pub(crate) async fn follow(&mut self, name: &'static str, n: usize, log: &str, from: &str) -> Figure {
        let (mut took, mut cursor) = (Vec::with_capacity(n), from.to_owned());
        for _ in 0..n {
            let (elapsed, body) = self.get(&format!("{log}&cursor={cursor}")).await;
            took.push(elapsed);
            cursor = next_cursor(&body).unwrap_or_else(|| from.to_owned());
        }
        Figure::millis(name, &took)
    }

    /// Cursor of a log's rows older than `id`: that of the first page with another number.
    pub(crate) async fn older_than(&mut self, log: &str, id: i64) -> String {
        let cursor = next_cursor(&self.get(log).await.1).expect("a second page");
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).expect("a cursor");
        let (_, number) = bytes.split_last_chunk_mut::<8>().expect("a number");
        *number = id.to_be_bytes();
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn next_cursor(page: &[u8]) -> Option<String> {
    let page: Value = serde_json::from_slice(page).expect("JSON");
    page["nextCursor"].as_str().map(str::to_owned)
}
