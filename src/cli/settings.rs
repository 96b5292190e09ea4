//! What the surroundings say: the only file that reads the environment.

use super::arguments::console::{self, Layout};
use super::failure::Failure;
use super::theme;
use crate::engine::root::{Custody, Root};
use crate::tui::copy::Wrap;
use crate::tui::layout::Class;
use crate::tui::theme::{Charset, Look, Mouse, ThemeName};
use directories::ProjectDirs;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where things are kept unless told otherwise, after the XDG base directories.
fn directories() -> Result<ProjectDirs, Failure> {
    ProjectDirs::from("", "", "crow")
        .ok_or_else(|| Failure::usage("there is no home directory to keep data in", "say where with --data DIR"))
}

/// The directory of the standalone platform.
pub(super) fn data_dir() -> Result<PathBuf, Failure> {
    Ok(directories()?.data_dir().join("platform"))
}

/// Where the console keeps its log and what it remembers of platforms elsewhere.
pub(super) fn state_dir() -> Result<PathBuf, Failure> {
    let directories = directories()?;
    Ok(directories.state_dir().unwrap_or_else(|| directories.data_local_dir()).to_owned())
}

/// The configuration file, whether it is there or not; none without a home directory.
pub(super) fn config_file() -> Option<PathBuf> {
    directories().ok().map(|directories| directories.config_dir().join("config.toml"))
}

/// Where the platform's key is kept: in `CROW_PLATFORM_KEY` if that is set, else in the key file of the data directory.
pub(super) fn custody() -> Result<Custody, Failure> {
    Ok(key("CROW_PLATFORM_KEY")?.map_or(Custody::File, Custody::Given))
}

/// Where the next key is to be kept: in `CROW_PLATFORM_NEW_KEY` if that is set, else in the key file.
pub(super) fn next_custody() -> Result<Custody, Failure> {
    Ok(key("CROW_PLATFORM_NEW_KEY")?.map_or(Custody::File, Custody::Given))
}

fn key(name: &str) -> Result<Option<Arc<Root>>, Failure> {
    let text = variable(name).map(Zeroizing::new);
    Ok(text.map(|text| Root::parse(&text, name)).transpose()?.map(Arc::new))
}

/// How the console looks: what was asked for, else what the terminal says of itself. `NO_COLOR` (not empty) selects mono, a locale that is
/// not UTF-8 selects ASCII.
pub(super) fn look(asked: &console::Look) -> Result<Look, Failure> {
    let themes = directories().ok().map(|directories| directories.config_dir().join("themes"));
    let theme = match &asked.theme {
        Some(name) => theme::named(name, themes)?,
        None if variable("NO_COLOR").is_some() => ThemeName::Mono,
        None => ThemeName::Terminal,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default().to_lowercase();
    let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let charset = match (asked.ascii || !is_utf8, asked.braille) {
        (true, _) => Charset::Ascii,
        (false, true) => Charset::Braille,
        (false, false) => Charset::Unicode,
    };
    let mouse = if asked.mouse { Mouse::Console } else { Mouse::Terminal };
    let layout = asked.layout.map(|layout| match layout {
        Layout::Wide => Class::Wide,
        Layout::Normal => Class::Normal,
        Layout::Classic => Class::Classic,
        Layout::Small => Class::Small,
        Layout::Tiny => Class::Tiny,
    });
    Ok(Look { theme, charset, mouse, layout })
}

/// What stands between us and the terminal, as far as the environment tells.
pub(super) fn wrap() -> Wrap {
    if variable("TMUX").is_some() {
        Wrap::Tmux
    } else if variable("STY").is_some() {
        Wrap::Screen
    } else {
        Wrap::Plain
    }
}

#[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}
