//! Profiles in the configuration file: read, added, removed, and one of them chosen, without touching anything else that stands there.

use crate::cli::failure::Failure;
use crate::cli::settings;
use crate::monitor::files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

/// How much of each rate window the console may use unless a profile says otherwise, in percent.
pub(in crate::cli) const BUDGET: u8 = 10;

/// A platform that was given a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Profile {
    /// Where it is.
    pub(in crate::cli) url: String,
    /// What the console may do there.
    #[serde(default)]
    pub(in crate::cli) access: Allowed,
    /// The part of each rate window that may be used, 1 to 50 percent.
    #[serde(default = "budget")]
    pub(in crate::cli) budget_percent: u8,
    /// The colour of the header, so that platforms look different.
    #[serde(default)]
    pub(in crate::cli) colour: Option<Hue>,
    /// Whether every action wants the number of things it changes typed.
    #[serde(default)]
    pub(in crate::cli) production: bool,
    /// Whether the credentials may go over plain http to another machine.
    #[serde(default)]
    pub(in crate::cli) allow_http: bool,
    /// Who asks: names only. What they stand for is kept elsewhere.
    #[serde(default)]
    pub(in crate::cli) credentials: Vec<Kept>,
}

const fn budget() -> u8 {
    BUDGET
}

/// What the console may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Allowed {
    /// Look
    #[default]
    ReadOnly,
    /// Also test, enable and disable
    Act,
}

/// A colour that every terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Hue {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

/// A key or a token, by its name, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Kept {
    /// What people call it.
    pub(in crate::cli) name: String,
    /// What it is.
    pub(in crate::cli) kind: Kind,
    /// Where it is kept.
    pub(in crate::cli) kept: Place,
}

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Kind {
    /// A key of the Integration API.
    Key,
    /// An operator's token of the Portal API.
    Token,
}

/// Where a credential is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Place {
    /// In the keyring of the operating system
    Keyring,
    /// In a file that only its owner can read
    File,
}

impl Allowed {
    /// As it is written.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Act => "act",
        }
    }
}

impl Hue {
    /// As it is written.
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

impl Kind {
    /// As it is written.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
        }
    }
}

impl Place {
    /// As it is written.
    pub(in crate::cli) const fn name(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

/// What the file says of profiles; other commands look after the rest of it.
#[derive(Debug, Default, Deserialize)]
struct Written {
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// The profiles of a configuration file.
#[derive(Debug)]
pub(in crate::cli) struct Shelf {
    file: PathBuf,
    written: Written,
}

impl Shelf {
    /// Reads the profiles of the configuration file; none if there is no file.
    pub(in crate::cli) fn open() -> Result<Self, Failure> {
        let missing = || Failure::usage("there is no home directory with a configuration", "set XDG_CONFIG_HOME");
        Self::read(settings::config_file().ok_or_else(missing)?)
    }

    /// Reads the profiles of this file.
    pub(in crate::cli) fn read(file: PathBuf) -> Result<Self, Failure> {
        let text = read_text(&file)?;
        let written = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Failure::usage(
                format!("{}: line {line}: {}", file.display(), error.message()),
                "mend it, or take the profile away and add it again with crow profile",
            )
        })?;
        Ok(Self { file, written })
    }

    /// Looks at what no reading of the file shows: whether the profile that is used when none is named is there.
    pub(in crate::cli) fn check(&self) -> Result<(), Failure> {
        self.chosen().map_or(Ok(()), |name| self.find(name).map(drop))
    }

    /// The name of the profile that is used when none is named.
    pub(in crate::cli) fn chosen(&self) -> Option<&str> {
        self.written.profile.as_deref()
    }

    /// All profiles, by name.
    pub(in crate::cli) fn profiles(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.written.profiles.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// The profile of that name.
    pub(in crate::cli) fn find(&self, name: &str) -> Result<&Profile, Failure> {
        self.written.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.written.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "there is none yet".to_owned() } else { known.join(", ") };
            Failure::usage(
                format!("there is no profile {name}; known: {known}"),
                "crow profile list shows them, crow profile add makes one",
            )
        })
    }

    /// Writes a profile, over one of the same name if there is one. The first profile is the one that is used.
    pub(in crate::cli) fn put(&mut self, name: &str, profile: &Profile) -> Result<(), Failure> {
        let is_first = self.written.profiles.is_empty();
        self.change(|document| {
            let profiles = document.entry("profiles").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            profiles[name] = Item::Table(table(profile));
            if is_first {
                document.insert("profile", value(name));
            }
        })
    }

    /// Takes a profile away.
    pub(in crate::cli) fn remove(&mut self, name: &str) -> Result<(), Failure> {
        let is_chosen = self.chosen() == Some(name);
        self.change(|document| {
            if let Some(profiles) = document.get_mut("profiles").and_then(Item::as_table_like_mut) {
                profiles.remove(name);
            }
            if is_chosen {
                document.remove("profile");
            }
        })
    }

    /// Has this profile used when none is named.
    pub(in crate::cli) fn choose(&mut self, name: &str) -> Result<(), Failure> {
        self.change(|document| {
            document.insert("profile", value(name));
        })
    }

    /// Changes the file, whole or not at all; comments and everything else in it stay. Reads it again first, because somebody else may have
    /// changed it.
    fn change(&mut self, change: impl FnOnce(&mut DocumentMut)) -> Result<(), Failure> {
        let refused = |why: String| {
            Failure::failed(format!("{}: {why}", self.file.display()), "choose another folder with XDG_CONFIG_HOME")
        };
        let mut document: DocumentMut = read_text(&self.file)?
            .parse()
            .map_err(|error: toml_edit::TomlError| refused(error.message().to_owned()))?;
        change(&mut document);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)
            .and_then(|()| files::replace(&self.file, document.to_string().as_bytes()))
            .map_err(|error| refused(error.to_string()))?;
        *self = Self::read(self.file.clone())?;
        Ok(())
    }
}

fn read_text(file: &Path) -> Result<String, Failure> {
    match crate::files::read_text(file, crate::files::MAX_SETTINGS_BYTES) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::usage(format!("{}: {error}", file.display()), "give a file that can be read")),
    }
}

/// A profile as it is written; what is as usual is left out.
fn table(profile: &Profile) -> Table {
    let mut table = Table::new();
    table["url"] = value(profile.url.as_str());
    table["access"] = value(profile.access.name());
    if profile.budget_percent != BUDGET {
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

    fn profile(url: &str) -> Profile {
        Profile {
            url: url.to_owned(),
            access: Allowed::Act,
            budget_percent: 5,
            colour: Some(Hue::Red),
            production: true,
            allow_http: false,
            credentials: vec![Kept { name: "Zapier \"prod\"".to_owned(), kind: Kind::Key, kept: Place::File }],
        }
    }

    #[test]
    fn what_else_stands_in_the_file_stays_and_profiles_come_and_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("crow/config.toml");
        std::fs::create_dir(dir.path().join("crow")).expect("made");
        std::fs::write(&file, "# my keys\n[keys]\nfreeze = \"z\" # not p\n").expect("written");
        let mut shelf = Shelf::read(file.clone()).expect("read");
        shelf.put("acme", &profile("https://api.acme.example")).expect("written");
        shelf
            .put("test", &Profile { budget_percent: BUDGET, colour: None, ..profile("http://127.0.0.1:1") })
            .expect("written");
        assert_eq!(shelf.chosen(), Some("acme"), "the first one is used");
        shelf.choose("test").expect("written");
        let again = Shelf::read(file.clone()).expect("read");
        assert_eq!(again.find("acme").expect("there"), &profile("https://api.acme.example"));
        assert_eq!((again.chosen(), again.profiles().count()), (Some("test"), 2));
        let text = std::fs::read_to_string(&file).expect("text");
        assert!(text.contains("# my keys\n[keys]\nfreeze = \"z\" # not p\n"), "{text}");
        shelf.remove("test").expect("written");
        let again = Shelf::read(file).expect("read");
        assert_eq!((again.chosen(), again.profiles().count()), (None, 1));
        assert!(again.find("test").is_err());
    }

    #[test]
    fn a_field_that_is_not_known_is_told_with_its_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "[profiles.acme]\nurl = \"https://x\"\nkey = \"wlcro_live_1_x\"\n").expect("written");
        let told = format!("{:?}", Shelf::read(file).expect_err("refused"));
        assert!(told.contains("line 3") && told.contains("key"), "{told}");
    }
}
