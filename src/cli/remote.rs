//! Choice of the platform and the credential: a profile, or an address with a file. Every command that talks to a
//! platform comes through here. Secrets never come from the arguments.

use super::arguments::target::TargetArgs;
use super::failure::CommandFailure;
use super::profile::credential::{check_transport, read_single_secret, read_token};
use super::profile::profile_store::{CredentialKind, PlatformProfile, ProfileStore};
use super::profile::secret_store;
use super::settings;
use crate::client::connection::{ClientCredential, PlatformClient};
use crate::clock::RuntimeEnv;
use crate::domain::key::parse_key_company;
use crate::domain::secret::Secret;
use crate::history::keys::KeyName;
use crate::observer::keyed_client::KeyClient;
use crate::text;
use std::path::PathBuf;
use std::time::Duration;

/// Address on which `crow serve` listens by default.
const DEFAULT_STANDALONE_URL: &str = "http://127.0.0.1:7700";
/// Maximum time to wait for the platform to say whether it has a Portal API, before the screen opens.
const PORTAL_PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Name of a key that was read from a file.
const FILE_KEY_NAME: &str = "key";

/// Platform to talk to, with every credential that is available for it.
#[derive(Debug)]
pub(super) struct PlatformTarget {
    /// Name of the profile, if the platform comes from one.
    pub(super) name: Option<String>,
    /// Base URL of the platform.
    pub(super) url: String,
    /// Operator token, if there is one. With it the whole Portal API can be used.
    pub(super) token: Option<Secret>,
    /// Keys of the Integration API, with their names.
    pub(super) keys: Vec<(String, Secret)>,
    /// Files with certificate authorities to trust in addition to those of the operating system.
    pub(super) ca_files: Vec<PathBuf>,
    /// Settings of the profile, if the platform comes from one.
    pub(super) profile: Option<PlatformProfile>,
}

impl PlatformTarget {
    /// Creates a client with the operator token if there is one, otherwise with the first key.
    pub(super) fn client(&self) -> Result<PlatformClient, CommandFailure> {
        let copy = |secret: &Secret| Secret::new(secret.reveal().to_owned());
        let credential = match (&self.token, self.keys.first()) {
            (Some(token), _) => ClientCredential::Operator(copy(token)),
            (None, Some((_, key))) => ClientCredential::Key(copy(key)),
            (None, None) => return Err(self.without_credential()),
        };
        PlatformClient::trusting(&self.url, credential, &self.ca_files)
            .map_err(|error| CommandFailure::usage(error.to_string(), "check the address and the files"))
    }

    /// Failure of a command on a profile without a credential.
    pub(super) fn without_credential(&self) -> CommandFailure {
        let name = self.name.as_deref().unwrap_or("the profile");
        CommandFailure::usage(format!("{name} has no key"), format!("add one with crow profile key {name} NAME"))
    }
}

impl PlatformTarget {
    /// Asks the platform whether it has a Portal API for the operator token. Without one, drops the token and uses
    /// the keys. If the platform does not answer, the token is kept.
    ///
    /// # Errors
    ///
    /// [`CommandFailure`] when the platform has no Portal API and there is no key beside the token.
    pub(super) async fn detect_portal(self) -> Result<Self, CommandFailure> {
        if self.token.is_none() {
            return Ok(self);
        }
        let asked = RuntimeEnv::real()
            .timeout(PORTAL_PROBE_TIMEOUT, async { self.client()?.has_portal().await.map_err(CommandFailure::from) })
            .await;
        match (asked, self.keys.is_empty()) {
            (Some(Ok(false)), true) => Err(CommandFailure::usage(
                format!("{} has no Portal API, so an operator token cannot be used", self.url),
                "add an API key with crow profile key, or give one with --key-file F",
            )),
            (Some(Ok(false)), false) => Ok(Self { token: None, ..self }),
            _ => Ok(self),
        }
    }

    /// Adds certificate authorities that the arguments name.
    fn also_trusting(mut self, ca_files: &[PathBuf]) -> Self {
        self.ca_files.extend_from_slice(ca_files);
        self
    }

    /// Returns the name of the file that stores what a console saw of a profile's platform.
    pub(super) fn profile_state_file(profile: &str) -> String {
        format!("profile {profile}.db")
    }

    /// Returns the name of the file that stores what a console saw of a platform without a profile.
    pub(super) fn url_state_file(url: &str) -> String {
        let place: String =
            without_trailing_slash(url).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("{place}.db")
    }

    /// Returns the path of the file that stores what a console saw of this platform.
    pub(super) fn state_file(&self) -> Result<PathBuf, CommandFailure> {
        let file = match &self.name {
            Some(name) => Self::profile_state_file(name),
            None => Self::url_state_file(&self.url),
        };
        Ok(settings::state_dir()?.join(file))
    }

    /// Returns the keys with which the platform is observed when there is no operator token; empty if there is one.
    pub(super) fn observer_keys(&self) -> Result<Vec<KeyClient>, CommandFailure> {
        if self.token.is_some() {
            return Ok(Vec::new());
        }
        let holder = |(name, key): &(String, Secret)| {
            let refused = |why: String| CommandFailure::usage(format!("{name}: {why}"), "copy the whole key again");
            let company = parse_key_company(key.reveal()).map_err(|fault| refused(text::key::malformed(fault)))?;
            let credential = ClientCredential::Key(Secret::new(key.reveal().to_owned()));
            let client = PlatformClient::trusting(&self.url, credential, &self.ca_files)
                .map_err(|error| refused(error.to_string()))?;
            Ok(KeyClient { key: KeyName { name: name.clone(), last4: key.last4(), company }, client })
        };
        self.keys.iter().map(holder).collect()
    }
}

/// Removes a trailing slash, so that addresses can be compared.
fn without_trailing_slash(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// Resolves the platform from the arguments and the environment: by profile, or by address and file. Without either,
/// the default profile, or the standalone platform of the data directory at the default address of `crow serve`.
pub(super) fn resolve_target(remote: &TargetArgs) -> Result<PlatformTarget, CommandFailure> {
    let remote = &settings::with_environment(remote)?;
    if let Some(name) = &remote.profile {
        let place = load_profile(&ProfileStore::open()?, name, remote.allow_http)?;
        return Ok(place.also_trusting(&remote.trust_ca));
    }
    let missing = |what: &str| {
        CommandFailure::usage(
            what,
            "use --profile P, or --url U with --token-file F (Portal API) or --key-file F (Integration API)",
        )
    };
    let Some(url) = &remote.url else {
        if remote.token_file.is_some() || remote.key_file.is_some() {
            return Err(missing("no platform address given"));
        }
        let place =
            default_or_standalone()?.ok_or_else(|| missing("no platform given, and no default profile exists"))?;
        return Ok(place.also_trusting(&remote.trust_ca));
    };
    check_transport(url, remote.allow_http)?;
    let (token, keys) = match (&remote.token_file, &remote.key_file) {
        (Some(file), _) => (Some(read_token(file)?), Vec::new()),
        (None, Some(file)) => (None, vec![(FILE_KEY_NAME.to_owned(), read_single_secret(file, "an API key")?)]),
        (None, None) => return Err(missing("no credentials given")),
    };
    Ok(PlatformTarget { name: None, url: url.clone(), token, keys, ca_files: remote.trust_ca.clone(), profile: None })
}

/// Checks whether the chosen platform is marked as production.
pub(super) fn is_production(remote: &TargetArgs) -> Result<bool, CommandFailure> {
    let remote = &settings::with_environment(remote)?;
    let shelf = ProfileStore::open()?;
    let name = match (&remote.profile, &remote.url) {
        (Some(name), _) => Some(name.as_str()),
        // A platform named by its address is the same platform as the one in a profile with that address.
        (None, Some(url)) => {
            return Ok(shelf.profiles().any(|(_, profile)| {
                profile.production && without_trailing_slash(&profile.url) == without_trailing_slash(url)
            }));
        }
        (None, None) => shelf.default_name(),
    };
    Ok(match name {
        Some(name) => shelf.find(name)?.production,
        None => false,
    })
}

/// Returns the platform that the environment names, or that of the default profile, if there is one.
pub(super) fn default_target() -> Result<Option<PlatformTarget>, CommandFailure> {
    let named = settings::with_environment(&TargetArgs::default())?;
    if named.profile.is_some() || named.url.is_some() {
        return resolve_target(&named).map(Some);
    }
    default_profile()
}

/// Returns the platform of a profile.
pub(super) fn profile_target(name: &str) -> Result<PlatformTarget, CommandFailure> {
    load_profile(&ProfileStore::open()?, name, false)
}

fn default_profile() -> Result<Option<PlatformTarget>, CommandFailure> {
    let shelf = ProfileStore::open()?;
    shelf.default_name().map(|name| load_profile(&shelf, name, false)).transpose()
}

fn default_or_standalone() -> Result<Option<PlatformTarget>, CommandFailure> {
    if let Some(place) = default_profile()? {
        return Ok(Some(place));
    }
    let file = settings::data_dir()?.join("operator.token");
    if !file.is_file() {
        return Ok(None);
    }
    let token = Some(read_token(&file)?);
    Ok(Some(PlatformTarget {
        name: None,
        url: DEFAULT_STANDALONE_URL.to_owned(),
        token,
        keys: Vec::new(),
        ca_files: Vec::new(),
        profile: None,
    }))
}

fn load_profile(shelf: &ProfileStore, name: &str, allow_http: bool) -> Result<PlatformTarget, CommandFailure> {
    let profile = shelf.find(name)?;
    check_transport(&profile.url, allow_http || profile.allow_http)?;
    let (mut token, mut keys) = (None, Vec::new());
    for kept in &profile.credentials {
        let secret = secret_store::get(name, kept)?;
        match kept.kind {
            CredentialKind::Token => token = token.or(Some(secret)),
            CredentialKind::Key => keys.push((kept.name.clone(), secret)),
        }
    }
    Ok(PlatformTarget {
        name: Some(name.to_owned()),
        url: profile.url.clone(),
        token,
        keys,
        ca_files: profile.trust_ca.clone(),
        profile: Some(profile.clone()),
    })
}
