//! Profiles in the configuration file: read, added, removed and made the default, without touching the rest of the
//! file.

use crate::cli::failure::CommandFailure;
use crate::cli::settings;
use crate::files::private;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

/// Default share of each rate limit that the console may use, in percent.
pub(in crate::cli) const DEFAULT_BUDGET_PERCENT: u8 = 10;

/// Named platform, as the configuration file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct PlatformProfile {
    /// Base URL of the platform.
    pub(in crate::cli) url: String,
    /// Permission of the console on the platform; read-only by default.
    #[serde(default)]
    pub(in crate::cli) access: ProfileAccess,
    /// Share of each rate limit that may be used, 1 to 50 percent.
    #[serde(default = "budget")]
    pub(in crate::cli) budget_percent: u8,
    /// Colour of the header, to tell platforms apart.
    #[serde(default)]
    pub(in crate::cli) colour: Option<HeaderColour>,
    /// Whether every action is confirmed by typing the number of things it changes.
    #[serde(default)]
    pub(in crate::cli) production: bool,
    /// Whether credentials may be sent over plain http to another machine.
    #[serde(default)]
    pub(in crate::cli) allow_http: bool,
    /// Files with certificate authorities to trust in addition to those of the operating system.
    #[serde(default)]
    pub(in crate::cli) trust_ca: Vec<PathBuf>,
    /// Names of the credentials; the secrets themselves are stored elsewhere.
    #[serde(default)]
    pub(in crate::cli) credentials: Vec<CredentialRef>,
}

const fn budget() -> u8 {
    DEFAULT_BUDGET_PERCENT
}

/// Permission of the console on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum ProfileAccess {
    /// Read only: the console changes nothing
    #[default]
    ReadOnly,
    /// Actions too, such as test, enable and disable
    Act,
}

/// Colour that every terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum HeaderColour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

/// Reference to a key or a token: its name, and where it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct CredentialRef {
    /// Name that the operator gave to the credential.
    pub(in crate::cli) name: String,
    /// Kind of the credential: key or token.
    pub(in crate::cli) kind: CredentialKind,
    /// Place where the secret is stored.
    pub(in crate::cli) kept: SecretBackend,
}

/// Kind of a stored credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum CredentialKind {
    /// Key of the Integration API.
    Key,
    /// Operator token of the Portal API.
    Token,
}

/// Place where a credential is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum SecretBackend {
    /// In the keyring of the operating system
    Keyring,
    /// In a file that only its owner can read
    File,
}

impl ProfileAccess {
    /// Returns the value as it is written in the file.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Act => "act",
        }
    }
}

impl HeaderColour {
    /// Returns the colour as it is written in the file.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Magenta => "magenta",
            Self::Cyan => "cyan",
        }
    }
}

impl CredentialKind {
    /// Returns the kind as it is written in the file.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
        }
    }
}

impl SecretBackend {
    /// Returns the place as it is written in the file.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

/// Part of the configuration file that concerns profiles; other modules read the rest.
#[derive(Debug, Default, Deserialize)]
struct ProfilesConfig {
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, PlatformProfile>,
}

/// Profiles of a configuration file.
#[derive(Debug)]
pub(in crate::cli) struct ProfileStore {
    file: PathBuf,
    config: ProfilesConfig,
}

impl ProfileStore {
    /// Reads the profiles of the configuration file in effect; none if the file does not exist.
    pub(in crate::cli) fn open() -> Result<Self, CommandFailure> {
        let missing = || CommandFailure::usage("no home directory for the configuration", "set XDG_CONFIG_HOME");
        Self::read(settings::config_file().ok_or_else(missing)?)
    }

    /// Reads the profiles of the given file.
    pub(in crate::cli) fn read(file: PathBuf) -> Result<Self, CommandFailure> {
        let text = read_text(&file)?;
        let written = toml_edit::de::from_str(&text).map_err(|error: toml_edit::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            CommandFailure::usage(
                format!("{}: line {line}: {}", file.display(), error.message()),
                "fix the file, or remove the profile and add it again with crow profile",
            )
        })?;
        Ok(Self { file, config: written })
    }

    /// Checks what parsing cannot show: that the default profile exists.
    pub(in crate::cli) fn check(&self) -> Result<(), CommandFailure> {
        self.default_name().map_or(Ok(()), |name| self.find(name).map(drop))
    }

    /// Returns the name of the default profile.
    pub(in crate::cli) fn default_name(&self) -> Option<&str> {
        self.config.profile.as_deref()
    }

    /// Iterates over all profiles, ordered by name.
    pub(in crate::cli) fn profiles(&self) -> impl Iterator<Item = (&str, &PlatformProfile)> {
        self.config.profiles.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// Returns the profile of that name.
    pub(in crate::cli) fn find(&self, name: &str) -> Result<&PlatformProfile, CommandFailure> {
        self.config.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.config.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            CommandFailure::usage(
                format!("unknown profile {name}; known: {known}"),
                "list profiles with crow profile list, add one with crow profile add",
            )
        })
    }

    /// Writes a profile, replacing one of the same name. The first profile becomes the default.
    pub(in crate::cli) fn put(&mut self, name: &str, profile: &PlatformProfile) -> Result<(), CommandFailure> {
        let is_first = self.config.profiles.is_empty();
        self.edit_file(|document| {
            let profiles = document.entry("profiles").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            profiles[name] = Item::Table(profile_table(profile));
            if is_first {
                document.insert("profile", value(name));
            }
        })
    }

    /// Removes a profile; it is no longer the default if it was.
    pub(in crate::cli) fn remove(&mut self, name: &str) -> Result<(), CommandFailure> {
        let is_chosen = self.default_name() == Some(name);
        self.edit_file(|document| {
            if let Some(profiles) = document.get_mut("profiles").and_then(Item::as_table_like_mut) {
                profiles.remove(name);
            }
            if is_chosen {
                document.remove("profile");
            }
        })
    }

    /// Makes a profile the default.
    pub(in crate::cli) fn set_default(&mut self, name: &str) -> Result<(), CommandFailure> {
        self.edit_file(|document| {
            document.insert("profile", value(name));
        })
    }

    /// Changes the file atomically, keeping comments and all other settings. Reads the file again first, because
    /// another program may have changed it.
    fn edit_file(&mut self, change: impl FnOnce(&mut DocumentMut)) -> Result<(), CommandFailure> {
        let refused = |why: String| {
            CommandFailure::failed(
                format!("{}: {why}", self.file.display()),
                "choose another folder with XDG_CONFIG_HOME",
            )
        };
        let mut document: DocumentMut = read_text(&self.file)?
            .parse()
            .map_err(|error: toml_edit::TomlError| refused(error.message().to_owned()))?;
        change(&mut document);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)
            .and_then(|()| private::replace(&self.file, document.to_string().as_bytes()))
            .map_err(|error| refused(error.to_string()))?;
        *self = Self::read(self.file.clone())?;
        Ok(())
    }
}

fn read_text(file: &Path) -> Result<String, CommandFailure> {
    match crate::files::read_text_limited(file, crate::files::MAX_SETTINGS_BYTES) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(CommandFailure::usage(format!("{}: {error}", file.display()), "give a readable file")),
    }
}

/// Formats a profile as a table of the file; settings with default values are left out.
fn profile_table(profile: &PlatformProfile) -> Table {
    let mut table = Table::new();
    table["url"] = value(profile.url.as_str());
    table["access"] = value(profile.access.name());
    if profile.budget_percent != DEFAULT_BUDGET_PERCENT {
        table["budget_percent"] = value(i64::from(profile.budget_percent));
    }
    if let Some(hue) = profile.colour {
        table["colour"] = value(hue.name());
    }
    if profile.production {
        table["production"] = value(true);
    }
    if profile.allow_http {
        table["allow_http"] = value(true);
    }
    if !profile.trust_ca.is_empty() {
        table["trust_ca"] = value(profile.trust_ca.iter().map(|file| file.display().to_string()).collect::<Array>());
    }
    let kept = profile.credentials.iter().map(|kept| {
        let (name, kind, place) = (kept.name.as_str(), kept.kind.name(), kept.kept.name());
        Value::InlineTable([("name", name), ("kind", kind), ("kept", place)].into_iter().collect::<InlineTable>())
    });
    table["credentials"] = value(kept.collect::<Array>());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(url: &str) -> PlatformProfile {
        PlatformProfile {
            url: url.to_owned(),
            access: ProfileAccess::Act,
            budget_percent: 5,
            colour: Some(HeaderColour::Red),
            production: true,
            allow_http: false,
            trust_ca: vec![PathBuf::from("/etc/crow/ca \"1\".pem")],
            credentials: vec![CredentialRef {
                name: "Zapier \"prod\"".to_owned(),
                kind: CredentialKind::Key,
                kept: SecretBackend::File,
            }],
        }
    }

    #[test]
    fn what_else_stands_in_the_file_stays_and_profiles_come_and_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("crow/config.toml");
        std::fs::create_dir(dir.path().join("crow")).expect("made");
        std::fs::write(&file, "# my keys\n[keys]\nfreeze = \"z\" # not p\n").expect("written");
        let mut shelf = ProfileStore::read(file.clone()).expect("read");
        shelf.put("acme", &profile("https://api.acme.example")).expect("written");
        shelf
            .put(
                "test",
                &PlatformProfile {
                    budget_percent: DEFAULT_BUDGET_PERCENT,
                    colour: None,
                    ..profile("http://127.0.0.1:1")
                },
            )
            .expect("written");
        assert_eq!(shelf.default_name(), Some("acme"), "the first one is used");
        shelf.set_default("test").expect("written");
        let again = ProfileStore::read(file.clone()).expect("read");
        assert_eq!(again.find("acme").expect("there"), &profile("https://api.acme.example"));
        assert_eq!((again.default_name(), again.profiles().count()), (Some("test"), 2));
        let text = std::fs::read_to_string(&file).expect("text");
        assert!(text.contains("# my keys\n[keys]\nfreeze = \"z\" # not p\n"), "{text}");
        shelf.remove("test").expect("written");
        let again = ProfileStore::read(file).expect("read");
        assert_eq!((again.default_name(), again.profiles().count()), (None, 1));
        assert!(again.find("test").is_err());
    }

    #[test]
    fn a_field_that_is_not_known_is_told_with_its_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "[profiles.acme]\nurl = \"https://x\"\nkey = \"wlcro_live_1_x\"\n").expect("written");
        let told = format!("{:?}", ProfileStore::read(file).expect_err("refused"));
        assert!(told.contains("line 3") && told.contains("key"), "{told}");
    }
}
