//! A wire to a platform: everything is handed on, over TLS or not, until it is cut, or what listens shows another certificate.

use rustls::ServerConfig;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The wire.
pub(crate) struct Wire {
    /// Local port of the connection, on loopback.
    pub(crate) port: u16,
    to: String,
    tls: Arc<Mutex<Option<TlsAcceptor>>>,
    running: Option<JoinHandle<()>>,
}

impl Wire {
    /// A wire that leads to `http://HOST:PORT`; clients speak TLS, if there is a certificate.
    pub(crate) async fn to(address: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut wire = Self {
            port: listener.local_addr().expect("an address").port(),
            to: address.trim_start_matches("http://").to_owned(),
            tls: Arc::new(Mutex::new(tls.map(TlsAcceptor::from))),
            running: None,
        };
        wire.run(listener);
        wire
    }

    fn run(&mut self, listener: TcpListener) {
        let (to, tls) = (self.to.clone(), Arc::clone(&self.tls));
        self.running = Some(tokio::spawn(async move {
            // Connections end with the task that accepts them.
            let mut connections = JoinSet::new();
            loop {
                let Ok((near, _)) = listener.accept().await else { continue };
                let (to, tls) = (to.clone(), tls.lock().expect("not poisoned").clone());
                connections.spawn(async move {
                    match tls {
                        None => handed_on(near, &to).await,
                        Some(tls) => {
                            if let Ok(near) = tls.accept(near).await {
                                handed_on(near, &to).await;
                            }
                        }
                    }
                });
            }
        }));
    }

    /// The port is closed, and every connection is gone.
    pub(crate) async fn cut(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// Listens again on the same port, with a TLS configuration if one is given.
    pub(crate) async fn mend(&mut self, tls: Option<Arc<ServerConfig>>) {
        *self.tls.lock().expect("not poisoned") = tls.map(TlsAcceptor::from);
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("the port is free again");
        self.run(listener);
    }
}

async fn handed_on(mut near: impl AsyncRead + AsyncWrite + Unpin, to: &str) {
    if let Ok(mut far) = TcpStream::connect(to).await {
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}
