//! A server that answers with scripted bytes and keeps what it heard, and a client that sends bytes: both without an HTTP
//! library.

use super::messages::{Kind, Message, read};
use crate::support::platform::within;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answer of a scripted server.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Whether the answer begins before the body of the request was read.
    pub(super) is_early: bool,
    /// Bytes of the answer, piece by piece.
    pub(super) pieces: Vec<Vec<u8>>,
    /// Whether the last piece is repeated without an end.
    pub(super) is_endless: bool,
}

impl Script {
    pub(super) fn new(answer: impl Into<Vec<u8>>) -> Self {
        Self { is_early: false, pieces: vec![answer.into()], is_endless: false }
    }
}

/// A server that plays its script for each connection, which it then closes.
pub(super) struct Scripted {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    serving: JoinHandle<()>,
}

impl Scripted {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let serving = tokio::spawn({
            let heard = Arc::clone(&heard);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let (script, heard) = (script.clone(), Arc::clone(&heard));
                    tokio::spawn(async move { play(stream, script, &heard).await });
                }
            }
        });
        Self { address, heard, serving }
    }

    /// The requests that were heard, as messages.
    pub(super) fn heard(&self) -> Vec<Message> {
        let heard = self.heard.lock().expect("not poisoned");
        heard.iter().map(|bytes| read(bytes, Kind::Request, true).expect("a request")).collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Whether all of a request that will be read is there.
fn is_heard(bytes: &[u8], is_early: bool) -> bool {
    read(bytes, Kind::Request, false).is_some_and(|message| message.is_whole || is_early)
}

async fn play(mut stream: TcpStream, script: Script, heard: &Mutex<Vec<Vec<u8>>>) {
    let (mut bytes, mut part, mut is_invited) = (Vec::new(), vec![0; 64 * 1024], false);
    while !is_heard(&bytes, script.is_early) {
        let expects = read(&bytes, Kind::Request, false).is_some_and(|message| message.header("expect").is_some());
        if expects && !is_invited {
            is_invited = true;
            if stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
                return;
            }
        }
        match stream.read(&mut part).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&part[..n]),
            // A connection that was opened and not used, or one that broke off.
            _ if bytes.is_empty() => return,
            _ => break,
        }
    }
    heard.lock().expect("not poisoned").push(bytes);
    for piece in &script.pieces {
        if stream.write_all(piece).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    if script.is_endless {
        while stream.write_all(script.pieces.last().expect("a piece")).await.is_ok() {}
        return;
    }
    let _ = stream.shutdown().await;
    // The rest is read, so that the answer is not lost to a reset.
    while stream.read(&mut part).await.is_ok_and(|n| n > 0) {}
}

/// Request as a client sends it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// Number of bytes of an endless answer after which the client goes.
    pub(super) enough: Option<usize>,
}

/// Sends a request to an address in place of the `HOST` in its head, and reads the answer.
pub(super) async fn exchange(address: SocketAddr, sent: &Sent) -> Message {
    let text = String::from_utf8_lossy(&sent.head).into_owned();
    let kind = Kind::Answer { to_head: text.starts_with("HEAD ") };
    let head: Vec<u8> = {
        let host = address.to_string();
        let at = sent.head.windows(4).position(|four| four == b"HOST").expect("a host");
        [&sent.head[..at], host.as_bytes(), &sent.head[at + 4..]].concat()
    };
    let work = async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (mut reading, mut writing) = stream.into_split();
        writing.write_all(&head).await.expect("written");
        let (mut bytes, mut part) = (Vec::new(), vec![0; 64 * 1024]);
        if text.to_ascii_lowercase().contains("expect: 100-continue") {
            let n = reading.read(&mut part).await.expect("an interim answer");
            bytes.extend_from_slice(&part[..n]);
        }
        // The answer may come before the body was taken, and be followed by a reset.
        let body = sent.body.clone();
        let sending = tokio::spawn(async move {
            let _ = writing.write_all(&body).await;
            writing
        });
        let mut is_closed = false;
        loop {
            if let Some(message) = read(&bytes, kind, is_closed) {
                let is_enough = sent.enough.is_some_and(|enough| message.body.len() >= enough);
                if message.is_whole || is_closed || is_enough {
                    sending.abort();
                    return message;
                }
            }
            assert!(!is_closed, "no answer to {text}: {}", String::from_utf8_lossy(&bytes));
            match reading.read(&mut part).await {
                Ok(n) if n > 0 => bytes.extend_from_slice(&part[..n]),
                _ => is_closed = true,
            }
        }
    };
    within(&format!("the answer to {text}"), work).await
}
