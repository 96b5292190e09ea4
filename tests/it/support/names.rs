//! Names whose addresses are set, and a count of who asked for them.

use crow::engine::dns::{NameResolver, ResolveError};
use futures_util::future::BoxFuture;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

/// Answer of a name server.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Addresses(Vec<IpAddr>),
    Fails(ResolveError),
    Nothing,
}

/// Resolver of given names; every other name does not exist.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: Mutex<HashMap<String, (VecDeque<Says>, usize)>>,
}

impl Names {
    /// Answers for a name one by one; the last answer goes on.
    pub(crate) fn set(&self, name: &str, says: impl IntoIterator<Item = Says>) {
        self.known.lock().expect("not poisoned").insert(name.to_owned(), (says.into_iter().collect(), 0));
    }

    /// A name with these addresses.
    pub(crate) fn leads(&self, name: &str, addresses: &[&str]) {
        self.set(name, [to(addresses)]);
    }

    /// Returns the number of lookups of a name.
    pub(crate) fn n_asked(&self, name: &str) -> usize {
        self.known.lock().expect("not poisoned").get(name).map_or(0, |known| known.1)
    }
}

/// An answer with these addresses.
pub(crate) fn to(addresses: &[&str]) -> Says {
    Says::Addresses(addresses.iter().map(|address| address.parse().expect("an address")).collect())
}

impl NameResolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        let mut known = self.known.lock().expect("not poisoned");
        let says = match known.get_mut(name) {
            None => Says::Fails(ResolveError::NameNotFound(format!("{name} does not exist"))),
            Some((says, n_asked)) => {
                *n_asked += 1;
                let next = if says.len() > 1 { says.pop_front() } else { says.front().cloned() };
                next.unwrap_or(Says::Nothing)
            }
        };
        Box::pin(async move {
            match says {
                Says::Addresses(addresses) => Ok(addresses),
                Says::Fails(error) => Err(error),
                Says::Nothing => std::future::pending().await,
            }
        })
    }
}
