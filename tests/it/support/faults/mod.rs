//! The fault receiver: a raw socket that does what a script says, connection by connection, with a ledger of every byte received. It knows
//! nothing of HTTP but where a request ends.

pub(crate) mod certificates;

use super::platform::within;
use certificates::Kind;
use socket2::SockRef;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One thing that a receiver does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Reads a whole request.
    Hear,
    /// Sends bytes.
    Say(Vec<u8>),
    /// Sends the bytes again and again, until the other side has enough.
    SayForever(Vec<u8>),
    /// Sends one byte at each [`Faults::tick`].
    Drip(Vec<u8>),
    /// Sends no more, but goes on reading until the other side closes.
    HalfClose,
    /// Does nothing until the peer closes the connection.
    Hang,
    /// Goes away with a reset.
    Reset,
}

/// Shorthand for scripts.
pub(crate) fn say(bytes: impl AsRef<[u8]>) -> Act {
    Act::Say(bytes.as_ref().to_vec())
}

/// Record of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    /// Every byte received, inside TLS if there was any.
    pub(crate) heard: Vec<u8>,
    /// Bytes that were handed to the network.
    pub(crate) n_said: usize,
    /// Bytes of them that were dripped.
    pub(crate) n_dripped: usize,
    /// Whether the next byte waits for a tick of the clock.
    pub(crate) is_dripping: bool,
    /// Whether the connection has ended.
    pub(crate) is_over: bool,
}

/// Receiver that listens until it is dropped. Each connection follows the script set at that time and is closed at the
/// script's end.
pub(crate) struct Faults {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Vec<Act>>,
    ledger: watch::Sender<Vec<Entry>>,
    ticks: watch::Sender<usize>,
    tls: Mutex<Option<TlsAcceptor>>,
}

impl Faults {
    /// Listens on `ip`; plain.
    pub(crate) async fn start_at(ip: &str, port: u16, script: &[Act]) -> Self {
        let listener = TcpListener::bind((ip, port)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            script: Mutex::new(script.to_vec()),
            ledger: watch::Sender::default(),
            ticks: watch::Sender::default(),
            tls: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { port, shared, serving }
    }

    /// Listens on loopback; plain.
    pub(crate) async fn start(script: &[Act]) -> Self {
        Self::start_at("127.0.0.1", 0, script).await
    }

    /// Speaks TLS from now on, with a certificate of that kind.
    pub(crate) fn speaks_tls(&self, kind: Kind, authority: &certificates::Authority) {
        let config = authority.server(kind);
        *self.shared.tls.lock().expect("not poisoned") = Some(TlsAcceptor::from(config));
    }

    /// Behaves like this on connections from now on.
    pub(crate) fn becomes(&self, script: &[Act]) {
        *self.shared.script.lock().expect("not poisoned") = script.to_vec();
    }

    /// Lets every drip send one byte.
    pub(crate) fn tick(&self) {
        self.shared.ticks.send_modify(|ticks| *ticks += 1);
    }

    /// Returns the URL of the receiver over plain HTTP.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Returns the record of every connection so far.
    pub(crate) fn ledger(&self) -> Vec<Entry> {
        self.shared.ledger.borrow().clone()
    }

    /// Waits until the ledger is as wanted.
    pub(crate) async fn until(&self, what: &str, is_so: impl FnMut(&Vec<Entry>) -> bool) -> Vec<Entry> {
        let mut ledger = self.shared.ledger.subscribe();
        within(what, ledger.wait_for(is_so)).await.expect("the ledger is open").clone()
    }

    /// Waits until every connection is over.
    pub(crate) async fn settled(&self) -> Vec<Entry> {
        self.until("connections are over", |ledger| ledger.iter().all(|entry| entry.is_over)).await
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let script = shared.script.lock().expect("not poisoned").clone();
        let tls = shared.tls.lock().expect("not poisoned").clone();
        let mut number = 0;
        shared.ledger.send_modify(|ledger| {
            number = ledger.len();
            ledger.push(Entry::default());
        });
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let conversation = Conversation { number, shared: &shared };
            if script.iter().any(|act| matches!(act, Act::Reset)) {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it lingers");
            }
            // A receiver ignores errors of a client that disconnects.
            let _ = match tls {
                None => conversation.hold(stream, &script).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => conversation.hold(stream, &script).await,
                    Err(error) => Err(error),
                },
            };
            shared.ledger.send_modify(|ledger| ledger[number].is_over = true);
        });
    }
}

struct Conversation<'a> {
    number: usize,
    shared: &'a Shared,
}

impl Conversation<'_> {
    async fn hold<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S, script: &[Act]) -> std::io::Result<()> {
        let mut ticks = self.shared.ticks.subscribe();
        for act in script {
            match act {
                Act::Hear => self.hear(&mut stream).await?,
                Act::Say(bytes) => self.say(&mut stream, bytes).await?,
                Act::SayForever(bytes) => loop {
                    self.say(&mut stream, bytes).await?;
                },
                Act::Drip(bytes) => {
                    self.note(|entry| entry.is_dripping = true);
                    for byte in bytes {
                        let _ = ticks.changed().await;
                        self.say(&mut stream, &[*byte]).await?;
                        self.note(|entry| entry.n_dripped += 1);
                    }
                }
                Act::HalfClose => {
                    stream.shutdown().await?;
                    self.drain(&mut stream).await?;
                }
                Act::Hang => self.drain(&mut stream).await?,
                Act::Reset => return Ok(()),
            }
        }
        stream.shutdown().await
    }

    async fn say<S: AsyncWrite + Unpin>(&self, stream: &mut S, bytes: &[u8]) -> std::io::Result<()> {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        self.note(|entry| entry.n_said += bytes.len());
        Ok(())
    }

    /// Reads a head and as many bytes as its `content-length` says.
    async fn hear<S: AsyncRead + Unpin>(&self, stream: &mut S) -> std::io::Result<()> {
        let (mut request, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        while !is_whole(&request) {
            let n = stream.read(&mut buffer).await?;
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            request.extend_from_slice(&buffer[..n]);
            self.note(|entry| entry.heard.extend_from_slice(&buffer[..n]));
        }
        Ok(())
    }

    async fn drain<S: AsyncRead + Unpin>(&self, stream: &mut S) -> std::io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let n = stream.read(&mut buffer).await?;
            if n == 0 {
                return Ok(());
            }
            self.note(|entry| entry.heard.extend_from_slice(&buffer[..n]));
        }
    }

    fn note(&self, change: impl FnOnce(&mut Entry)) {
        self.shared.ledger.send_modify(|ledger| change(&mut ledger[self.number]));
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}
