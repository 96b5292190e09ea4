//! Environment and directories: the only file that reads environment variables.

use super::arguments::console::{self, LayoutChoice};
use super::arguments::target::TargetArgs;
use super::failure::CommandFailure;
use super::theme;
use crate::engine::master_key::{MasterKey, MasterKeySource};
use crate::tui::runtime::clipboard::{ClipboardRoute, TMUX_ROUTES, TerminalMultiplexer};
use crate::tui::widgets::size_class::SizeClass;
use crate::tui::widgets::theme::{CharacterSet, ConsoleAppearance, MouseOwner, ThemeName};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Returns the directory of crow that `variable` of the XDG base directory specification places, by default `default`
/// in the home directory. On macOS everything is in `~/Library/Application Support/crow`.
fn directory(variable: &str, default: &str) -> Option<PathBuf> {
    let home = || std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    if cfg!(target_os = "macos") {
        return Some(home()?.join("Library/Application Support/crow"));
    }
    let named = os_variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named.or_else(|| Some(home()?.join(default)))?.join("crow"))
}

/// Returns the directory, or says what to do without one.
fn required(directory: Option<PathBuf>) -> Result<PathBuf, CommandFailure> {
    directory
        .ok_or_else(|| CommandFailure::usage("no home directory for the data", "choose a directory with --data DIR"))
}

/// Returns the directory of configuration files.
fn config_dir() -> Option<PathBuf> {
    directory("XDG_CONFIG_HOME", ".config")
}

/// Returns the directory of data that outlives a run.
fn user_data_dir() -> Result<PathBuf, CommandFailure> {
    required(directory("XDG_DATA_HOME", ".local/share"))
}

/// Returns the data directory of the standalone platform.
pub(super) fn data_dir() -> Result<PathBuf, CommandFailure> {
    Ok(user_data_dir()?.join("platform"))
}

/// Path of the platform's database in the data directory `dir`.
pub(super) fn platform_database(dir: &Path) -> PathBuf {
    dir.join("platform.db")
}

/// Returns the directory for the console's log and for what it remembers of other platforms.
pub(super) fn state_dir() -> Result<PathBuf, CommandFailure> {
    required(directory("XDG_STATE_HOME", ".local/state"))
}

/// Returns the directory for keys that cannot be stored in a keyring.
pub(super) fn keys_dir() -> Result<PathBuf, CommandFailure> {
    Ok(user_data_dir()?.join("keys"))
}

/// Returns the path of the configuration file, whether it exists or not; `None` without a home directory.
pub(super) fn config_file() -> Option<PathBuf> {
    Some(config_dir()?.join("config.toml"))
}

/// Completes the arguments that choose a platform from the environment. A profile or address in the arguments replaces
/// both `CROW_PROFILE` and `CROW_URL`; a credential file in the arguments replaces `CROW_TOKEN_FILE` and
/// `CROW_KEY_FILE`, which a profile ignores.
///
/// # Errors
///
/// [`CommandFailure`] when two variables contradict each other.
pub(super) fn with_environment(asked: &TargetArgs) -> Result<TargetArgs, CommandFailure> {
    complete_target(asked, env_variable)
}

fn complete_target(
    asked: &TargetArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<TargetArgs, CommandFailure> {
    let one_of = |first: &str, second: &str| match (variable(first), variable(second)) {
        (Some(_), Some(_)) => {
            Err(CommandFailure::usage(format!("{first} and {second} are both set"), "unset one of them"))
        }
        found => Ok(found),
    };
    let mut named = asked.clone();
    if named.profile.is_none() && named.url.is_none() {
        (named.profile, named.url) = one_of("CROW_PROFILE", "CROW_URL")?;
    }
    if named.url.is_some() && named.token_file.is_none() && named.key_file.is_none() {
        let (token, key) = one_of("CROW_TOKEN_FILE", "CROW_KEY_FILE")?;
        (named.token_file, named.key_file) = (token.map(PathBuf::from), key.map(PathBuf::from));
    }
    Ok(named)
}

/// Returns where the platform's key comes from: `CROW_PLATFORM_KEY` if that is set, otherwise the key file in the
/// data directory.
pub(super) fn platform_key_source() -> Result<MasterKeySource, CommandFailure> {
    Ok(read_platform_key("CROW_PLATFORM_KEY")?.map_or(MasterKeySource::File, MasterKeySource::Provided))
}

/// Returns where the platform's next key comes from: `CROW_PLATFORM_NEW_KEY` if that is set, otherwise the key file.
pub(super) fn next_platform_key_source() -> Result<MasterKeySource, CommandFailure> {
    Ok(read_platform_key("CROW_PLATFORM_NEW_KEY")?.map_or(MasterKeySource::File, MasterKeySource::Provided))
}

fn read_platform_key(name: &str) -> Result<Option<Arc<MasterKey>>, CommandFailure> {
    let text = env_variable(name).map(Zeroizing::new);
    Ok(text.map(|text| MasterKey::parse(&text, name)).transpose()?.map(Arc::new))
}

/// Returns the headers that a push of metrics to a collector carries, from OpenTelemetry's variables: `NAME=VALUE`
/// pairs separated by commas, with percent-encoded values.
pub(super) fn collector_headers() -> Result<HeaderMap, CommandFailure> {
    let names = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
    let Some((name, text)) = names.into_iter().find_map(|name| Some((name, env_variable(name)?))) else {
        return Ok(HeaderMap::new());
    };
    let headers: Option<HeaderMap> = text.split(',').filter(|pair| !pair.trim().is_empty()).map(parse_header).collect();
    headers
        .ok_or_else(|| CommandFailure::usage(format!("{name}: not a list of headers"), "write NAME=VALUE,NAME=VALUE"))
}

fn parse_header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    // The decoder of forms is given one nameless pair; `+` and `&` have no meaning in a header.
    let encoded = format!("={}", value.trim().replace('+', "%2B").replace('&', "%26"));
    let (_, value) = url::form_urlencoded::parse(encoded.as_bytes()).next()?;
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
}

/// Returns how the console is drawn: as the arguments say, otherwise as the environment says. A non-empty `NO_COLOR`
/// selects mono, a locale that is not UTF-8 selects ASCII.
pub(super) fn display_settings(asked: &console::DisplayArgs) -> Result<ConsoleAppearance, CommandFailure> {
    let themes = config_dir().map(|dir| dir.join("themes"));
    let theme = match &asked.theme {
        Some(name) => theme::load_theme(name, themes)?,
        None if env_variable("NO_COLOR").is_some() => ThemeName::Mono,
        None => ThemeName::Terminal,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(env_variable).unwrap_or_default().to_lowercase();
    let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let charset = match (asked.ascii || !is_utf8, asked.braille) {
        (true, _) => CharacterSet::Ascii,
        (false, true) => CharacterSet::Braille,
        (false, false) => CharacterSet::Unicode,
    };
    let mouse = if asked.mouse { MouseOwner::Console } else { MouseOwner::Terminal };
    let layout = asked.layout.map(|layout| match layout {
        LayoutChoice::Wide => SizeClass::Wide,
        LayoutChoice::Normal => SizeClass::Normal,
        LayoutChoice::Classic => SizeClass::Classic,
        LayoutChoice::Small => SizeClass::Small,
        LayoutChoice::Tiny => SizeClass::Tiny,
    });
    Ok(ConsoleAppearance { theme, charset, mouse, layout })
}

/// Checks whether the locale is UTF-8, and names the variable that says so.
pub(super) fn locale() -> (bool, String) {
    let named = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, env_variable(name)?)));
    let (name, value) = named.unwrap_or(("LANG", String::new()));
    let lower = value.to_lowercase();
    (lower.contains("utf-8") || lower.contains("utf8"), format!("{name}={value}"))
}

/// Describes which colours a console uses here by default, and why.
pub(super) fn colours() -> String {
    match (env_variable("NO_COLOR"), env_variable("COLORTERM"), env_variable("TERM")) {
        (Some(_), ..) => "none, as NO_COLOR is set; marks, words and bold are used instead".to_owned(),
        (None, Some(depth), _) => format!("COLORTERM={depth}"),
        (None, None, Some(term)) => format!("TERM={term}; the themes dark and light need 24-bit colour"),
        (None, None, None) => "TERM is not set".to_owned(),
    }
}

/// Describes how a copied text leaves this machine.
pub(super) fn clipboard() -> String {
    let name = |route: &ClipboardRoute| match route {
        ClipboardRoute::Program(command, _) => command.join(" "),
        ClipboardRoute::Terminal(TerminalMultiplexer::Tmux) => "OSC 52, plain and wrapped for tmux".to_owned(),
        ClipboardRoute::Terminal(TerminalMultiplexer::Screen) => "OSC 52 wrapped for screen".to_owned(),
        ClipboardRoute::Terminal(TerminalMultiplexer::None) => "OSC 52, if the terminal supports it".to_owned(),
    };
    let mut names: Vec<String> = clipboard_routes().iter().map(name).collect();
    names.push("a file".to_owned());
    names.join(", else ")
}

/// Lists what is in effect: each setting, its value, and where the value comes from.
pub(super) fn effective_settings() -> Vec<(&'static str, String, String)> {
    let path = |path: Option<PathBuf>| {
        path.map_or_else(|| "unknown: no home directory".to_owned(), |path| path.display().to_string())
    };
    let base = |name: &str| match env_variable(name) {
        Some(value) => format!("{name}={value}"),
        None => format!("default, as {name} is not set"),
    };
    let set = |name: &str| {
        if env_variable(name).is_some() {
            format!("{name}; its value is never shown")
        } else {
            format!("default, as {name} is not set")
        }
    };
    let key_place = |name: &str| {
        if env_variable(name).is_some() { "the value of the variable" } else { "the key file in the data directory" }
    };
    let file = config_file();
    let there = if file.as_ref().is_some_and(|file| file.is_file()) { "" } else { " (does not exist)" };
    let mut settings = vec![
        ("configuration file", path(file) + there, base("XDG_CONFIG_HOME")),
        ("data directory", path(data_dir().ok()), base("XDG_DATA_HOME")),
        ("state directory", path(state_dir().ok()), base("XDG_STATE_HOME")),
        ("platform's key", key_place("CROW_PLATFORM_KEY").to_owned(), set("CROW_PLATFORM_KEY")),
        ("letters", if locale().0 { "UTF-8" } else { "ASCII" }.to_owned(), locale().1),
        ("colours", colours(), "the environment; --theme overrides it".to_owned()),
    ];
    let chosen = ["CROW_PROFILE", "CROW_URL", "CROW_TOKEN_FILE", "CROW_KEY_FILE"];
    let chosen = chosen.into_iter().filter_map(|name| Some((name, env_variable(name)?, "the environment".to_owned())));
    settings.extend(chosen);
    settings
}

/// Lists the ways for a copied text to leave, most preferred first. The display's clipboard is used only without SSH,
/// where the operator sits at the same machine.
pub(super) fn clipboard_routes() -> Vec<ClipboardRoute> {
    if env_variable("TMUX").is_some() {
        return TMUX_ROUTES.to_vec();
    }
    if env_variable("STY").is_some() {
        return vec![ClipboardRoute::Terminal(TerminalMultiplexer::Screen)];
    }
    let mut routes = Vec::new();
    if env_variable("SSH_CONNECTION").is_none() && env_variable("SSH_TTY").is_none() {
        if cfg!(target_os = "macos") {
            routes.push(ClipboardRoute::Program(&["pbcopy"], "the clipboard (pbcopy)"));
        }
        if env_variable("WAYLAND_DISPLAY").is_some() {
            routes.push(ClipboardRoute::Program(&["wl-copy"], "the clipboard (wl-copy)"));
        }
        if env_variable("DISPLAY").is_some() {
            routes.push(ClipboardRoute::Program(&["xclip", "-selection", "clipboard"], "the clipboard (xclip)"));
            routes.push(ClipboardRoute::Program(&["xsel", "--clipboard", "--input"], "the clipboard (xsel)"));
        }
    }
    routes.push(ClipboardRoute::Terminal(TerminalMultiplexer::None));
    routes
}

fn env_variable(name: &str) -> Option<String> {
    os_variable(name).map(|value| value.to_string_lossy().into_owned())
}

#[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
fn os_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_completes_what_the_arguments_leave_open() {
        let complete = |asked: [Option<&str>; 4], set: &[(&str, &str)]| {
            let [profile, url, token, key] = asked;
            let asked = TargetArgs {
                profile: profile.map(str::to_owned),
                url: url.map(str::to_owned),
                token_file: token.map(PathBuf::from),
                key_file: key.map(PathBuf::from),
                ..TargetArgs::default()
            };
            let found =
                complete_target(&asked, |name| Some(set.iter().find(|(variable, _)| *variable == name)?.1.to_owned()));
            let text = |file: Option<PathBuf>| file.map(|file| file.display().to_string());
            found
                .map(|found| [found.profile, found.url, text(found.token_file), text(found.key_file)])
                .map_err(|failure| failure.to_string())
        };
        let some = |texts: [&str; 4]| Ok(texts.map(|text| (!text.is_empty()).then(|| text.to_owned())));
        let url = ("CROW_URL", "https://a");
        let (token, key) = (("CROW_TOKEN_FILE", "t"), ("CROW_KEY_FILE", "k"));
        let none = [None; 4];
        assert_eq!(complete(none, &[]), some(["", "", "", ""]));
        assert_eq!(complete(none, &[url, token]), some(["", "https://a", "t", ""]));
        assert_eq!(complete(none, &[("CROW_PROFILE", "p"), token]), some(["p", "", "", ""]));
        assert_eq!(complete([Some("q"), None, None, None], &[url, key]), some(["q", "", "", ""]));
        assert_eq!(complete([None, Some("https://b"), None, None], &[url, key]), some(["", "https://b", "", "k"]));
        assert_eq!(complete([None, None, None, Some("f")], &[url, token]), some(["", "https://a", "", "f"]));
        for both in [[url, ("CROW_PROFILE", "p")].as_slice(), &[url, token, key]] {
            assert!(complete(none, both).is_err_and(|why| why.contains("both set")), "{both:?}");
        }
    }

    #[test]
    fn headers_for_a_collector_are_decoded_and_never_shown() {
        for (pair, name, value) in [
            ("authorization=Bearer%20a+b%2Cc", "authorization", "Bearer a+b,c"),
            (" X-Scope = Zm9v== ", "x-scope", "Zm9v=="),
            ("api-key=100%&more", "api-key", "100%&more"),
        ] {
            let (got_name, got) = parse_header(pair).expect("a header");
            assert_eq!((got_name.as_str(), got.to_str().expect("text")), (name, value), "{pair}");
            assert_eq!(format!("{got:?}"), "Sensitive");
        }
        for pair in ["authorization", "a b=c", "=c", "a=b%0Ac"] {
            assert!(parse_header(pair).is_none(), "{pair}");
        }
    }
}
