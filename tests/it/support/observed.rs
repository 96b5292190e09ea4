//! An observer in this process, with the client of its operator: what stands behind a console or a command on a platform without a Portal.

use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::http::exposure::ServerExposure;
use crow::observer::handle::PlatformObserver;
use crow::observer::keyed_client::RateLimitedClient;
use crow::observer::server;
use crow::sync::feed::{self, FeedSettings};
use crow::sync::snapshot::Snapshot;
use std::net::TcpListener;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// An observer that polls and serves until it is dropped.
pub(crate) struct Observed {
    /// Client of an admin.
    pub(crate) client: PlatformClient,
    pub(crate) observer: PlatformObserver,
    tasks: Vec<JoinHandle<()>>,
    _stop: watch::Sender<bool>,
}

impl Observed {
    /// Begins to observe with keys, and to serve.
    pub(crate) fn begin(post: &RateLimitedClient, ambient: &RuntimeEnv) -> Self {
        let mut observed = Self::serve(post, ambient);
        observed.tasks.push(observed.observer.start_polling());
        observed
    }

    /// Serves what is known, without polling.
    pub(crate) fn serve(post: &RateLimitedClient, ambient: &RuntimeEnv) -> Self {
        let platform = post.platform().to_owned();
        let observer = PlatformObserver::new(post.clone(), ambient.clone(), Arc::default());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let token = observer.operators().mint_session_token(&RuntimeEnv::real(), "tester");
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server::serve(listener, observer.clone(), ServerExposure::default(), stopped));
        let client = PlatformClient::new(&format!("http://{address}"), ClientCredential::Operator(token));
        let client = client.expect("a client").observing(&platform);
        Self { client, observer, tasks: vec![serving], _stop: stop }
    }

    /// Follows the observer as a console does. The console's own clock is the real one, whatever clock the observer has.
    pub(crate) fn follow(&self) -> (watch::Receiver<Arc<Snapshot>>, JoinHandle<()>) {
        let (sender, pictures) = watch::channel(Arc::new(Snapshot::default()));
        let settings = FeedSettings { rows: 200, history: None };
        (pictures, tokio::spawn(feed::follow(self.client.clone(), RuntimeEnv::real(), settings, sender)))
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
