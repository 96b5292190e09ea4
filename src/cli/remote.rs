//! Choice of the platform and the credential: a profile, or an address with a file. Every command that talks to a
//! platform comes through here. Secrets never come from the arguments.

use super::arguments::place::Remote;
use super::failure::Failure;
use super::profile::credential::{alone, check_transport, token};
use super::profile::safe;
use super::profile::shelf::{Kind, Profile, Shelf};
use super::settings;
use crate::ambient::RuntimeEnv;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::domain::key::parse_key_company;
use crate::domain::secret::Secret;
use crate::monitor::picture::KeyName;
use crate::monitor::post::Holder;
use std::path::PathBuf;
use std::time::Duration;

/// Address on which `crow serve` listens by default.
const STANDALONE: &str = "http://127.0.0.1:7700";
/// Maximum time to wait for the platform to say whether it has a Portal API, before the screen opens.
const PROBE: Duration = Duration::from_secs(2);
/// Name of a key that was read from a file.
const FROM_FILE: &str = "key";

/// Platform to talk to, with every credential that is available for it.
#[derive(Debug)]
pub(super) struct Place {
    /// Name of the profile, if the platform comes from one.
    pub(super) name: Option<String>,
    /// Base URL of the platform.
    pub(super) url: String,
    /// Operator token, if there is one. With it the whole Portal API can be used.
    pub(super) token: Option<Secret>,
    /// Keys of the Integration API, with their names.
    pub(super) keys: Vec<(String, Secret)>,
    /// Settings of the profile, if the platform comes from one.
    pub(super) profile: Option<Profile>,
}

impl Place {
    /// Creates a client with the operator token if there is one, otherwise with the first key.
    pub(super) fn client(&self) -> Result<PlatformClient, Failure> {
        let copy = |secret: &Secret| Secret::new(secret.reveal().to_owned());
        let credential = match (&self.token, self.keys.first()) {
            (Some(token), _) => ClientCredential::Operator(copy(token)),
            (None, Some((_, key))) => ClientCredential::Key(copy(key)),
            (None, None) => {
                let name = self.name.as_deref().unwrap_or("the profile");
                return Err(Failure::usage(
                    format!("{name} has no key"),
                    format!("add one with crow profile key {name} NAME"),
                ));
            }
        };
        PlatformClient::new(&self.url, credential)
            .map_err(|error| Failure::usage(error.to_string(), "check the address and the file"))
    }
}

impl Place {
    /// Asks the platform whether it has a Portal API for the operator token. Without one, drops the token and uses
    /// the keys. If the platform does not answer, the token is kept.
    ///
    /// # Errors
    ///
    /// [`Failure`] when the platform has no Portal API and there is no key beside the token.
    pub(super) async fn probed(self) -> Result<Self, Failure> {
        if self.token.is_none() {
            return Ok(self);
        }
        let asked =
            RuntimeEnv::real().timeout(PROBE, async { self.client()?.has_portal().await.map_err(Failure::from) }).await;
        match (asked, self.keys.is_empty()) {
            (Some(Ok(false)), true) => Err(Failure::usage(
                format!("{} has no Portal API, so an operator token cannot be used", self.url),
                "add an API key with crow profile key, or give one with --key-file F",
            )),
            (Some(Ok(false)), false) => Ok(Self { token: None, ..self }),
            _ => Ok(self),
        }
    }

    /// Returns the name of the file that stores what a console saw of a profile's platform.
    pub(super) fn file_of(profile: &str) -> String {
        format!("profile {profile}.db")
    }

    /// Returns the name of the file that stores what a console saw of a platform without a profile.
    pub(super) fn file_at(url: &str) -> String {
        let place: String = bare(url).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("{place}.db")
    }

    /// Returns the path of the file that stores what a console saw of this platform.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        let file = match &self.name {
            Some(name) => Self::file_of(name),
            None => Self::file_at(&self.url),
        };
        Ok(settings::state_dir()?.join(file))
    }

    /// Returns the keys with which the platform is observed when there is no operator token; empty if there is one.
    pub(super) fn holders(&self) -> Result<Vec<Holder>, Failure> {
        if self.token.is_some() {
            return Ok(Vec::new());
        }
        let holder = |(name, key): &(String, Secret)| {
            let refused = |why: String| Failure::usage(format!("{name}: {why}"), "copy the whole key again");
            let company = parse_key_company(key.reveal()).map_err(|fault| refused(fault.to_string()))?;
            let credential = ClientCredential::Key(Secret::new(key.reveal().to_owned()));
            let client = PlatformClient::new(&self.url, credential).map_err(|error| refused(error.to_string()))?;
            Ok(Holder { key: KeyName { name: name.clone(), last4: key.last4(), company }, client })
        };
        self.keys.iter().map(holder).collect()
    }
}

/// Removes a trailing slash, so that addresses can be compared.
fn bare(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// Creates a client for the chosen platform.
pub(super) fn connect(remote: &Remote) -> Result<PlatformClient, Failure> {
    place(remote)?.client()
}

/// Resolves the platform from the arguments: by profile, or by address and file. Without either, the default profile,
/// or the standalone platform of the data directory at the default address of `crow serve`.
pub(super) fn place(remote: &Remote) -> Result<Place, Failure> {
    if let Some(name) = &remote.profile {
        return profile(&Shelf::open()?, name, remote.allow_http);
    }
    let missing = |what: &str| {
        Failure::usage(
            what,
            "use --profile P, or --url U with --token-file F (Portal API) or --key-file F (Integration API)",
        )
    };
    let Some(url) = &remote.url else {
        if remote.token_file.is_some() || remote.key_file.is_some() {
            return Err(missing("no platform address given"));
        }
        return usual()?.ok_or_else(|| missing("no platform given, and no default profile exists"));
    };
    check_transport(url, remote.allow_http)?;
    let (token, keys) = match (&remote.token_file, &remote.key_file) {
        (Some(file), _) => (Some(token(file)?), Vec::new()),
        (None, Some(file)) => (None, vec![(FROM_FILE.to_owned(), alone(file, "an API key")?)]),
        (None, None) => return Err(missing("no credentials given")),
    };
    Ok(Place { name: None, url: url.clone(), token, keys, profile: None })
}

/// Checks whether the chosen platform is marked as production.
pub(super) fn is_production(remote: &Remote) -> Result<bool, Failure> {
    let shelf = Shelf::open()?;
    let name = match (&remote.profile, &remote.url) {
        (Some(name), _) => Some(name.as_str()),
        // A platform named by its address is the same platform as the one in a profile with that address.
        (None, Some(url)) => {
            return Ok(shelf.profiles().any(|(_, profile)| profile.production && bare(&profile.url) == bare(url)));
        }
        (None, None) => shelf.chosen(),
    };
    Ok(match name {
        Some(name) => shelf.find(name)?.production,
        None => false,
    })
}

/// Returns the platform of the default profile, if there is one.
pub(super) fn chosen() -> Result<Option<Place>, Failure> {
    let shelf = Shelf::open()?;
    shelf.chosen().map(|name| profile(&shelf, name, false)).transpose()
}

fn usual() -> Result<Option<Place>, Failure> {
    if let Some(place) = chosen()? {
        return Ok(Some(place));
    }
    let file = settings::data_dir()?.join("operator.token");
    if !file.is_file() {
        return Ok(None);
    }
    let token = Some(token(&file)?);
    Ok(Some(Place { name: None, url: STANDALONE.to_owned(), token, keys: Vec::new(), profile: None }))
}

fn profile(shelf: &Shelf, name: &str, allow_http: bool) -> Result<Place, Failure> {
    let profile = shelf.find(name)?;
    check_transport(&profile.url, allow_http || profile.allow_http)?;
    let (mut token, mut keys) = (None, Vec::new());
    for kept in &profile.credentials {
        let secret = safe::get(name, kept)?;
        match kept.kind {
            Kind::Token => token = token.or(Some(secret)),
            Kind::Key => keys.push((kept.name.clone(), secret)),
        }
    }
    Ok(Place { name: Some(name.to_owned()), url: profile.url.clone(), token, keys, profile: Some(profile.clone()) })
}
