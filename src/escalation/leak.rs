//! The leak scan: finished bytes are searched for every secret that is known and for everything shaped like a key or a token, through the
//! usual disguises.

use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::fmt;

/// What was found, without any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A secret that this process knows, in this form.
    Known(Form),
    /// Something that looks like an API key.
    KeyShaped(Form),
    /// Something that looks like an operator token.
    TokenShaped(Form),
}

/// How a text is disguised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Not at all.
    Plain,
    /// Escaped, or split by white space, line ends or marks.
    Escaped,
    /// URL-encoded.
    Percent,
    /// In Base64 of either alphabet.
    Base64,
    /// In hex.
    Hex,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Escaped => "escaped or split",
            Self::Percent => "URL-encoded",
            Self::Base64 => "in Base64",
            Self::Hex => "in hex",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(form) => write!(f, "a known secret, {form}"),
            Self::KeyShaped(form) => write!(f, "something shaped like an API key, {form}"),
            Self::TokenShaped(form) => write!(f, "something shaped like an operator token, {form}"),
        }
    }
}

/// Characters behind a prefix from which on a text counts as shaped like a key or a token.
const SHAPED: usize = 16;

/// The first secret found in `bytes`; `None` if there is none.
#[must_use]
pub fn find(bytes: &[u8], known: &[&Secret]) -> Option<Kind> {
    let text = String::from_utf8_lossy(bytes);
    let escaped = bare(&text);
    let once = bare(&percent_decoded(&escaped));
    let twice = bare(&percent_decoded(&once));
    let views = [(Form::Plain, &*text), (Form::Escaped, &escaped), (Form::Percent, &once), (Form::Percent, &twice)];
    views.into_iter().find_map(|(form, view)| find_in(view, form, known))
}

fn find_in(view: &str, form: Form, known: &[&Secret]) -> Option<Kind> {
    let known = known.iter().map(|secret| secret.reveal()).filter(|text| !text.is_empty());
    for secret in known {
        let plain = if form == Form::Plain { secret.to_owned() } else { bare(secret) };
        if !plain.is_empty() && view.contains(&plain) {
            return Some(Kind::Known(form));
        }
        if base64_cores(secret).iter().any(|core| view.contains(core)) {
            return Some(Kind::Known(Form::Base64));
        }
        let hex = hex::encode(secret);
        if view.contains(&hex) || view.contains(&hex.to_uppercase()) {
            return Some(Kind::Known(Form::Hex));
        }
    }
    if is_shaped(view, "wlcro_") {
        return Some(Kind::KeyShaped(form));
    }
    if is_shaped(view, "wlop_") {
        return Some(Kind::TokenShaped(form));
    }
    if base64_cores("wlcro_").iter().any(|core| view.contains(core)) {
        return Some(Kind::KeyShaped(Form::Base64));
    }
    base64_cores("wlop_").iter().any(|core| view.contains(core)).then_some(Kind::TokenShaped(Form::Base64))
}

fn is_shaped(view: &str, prefix: &str) -> bool {
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    view.match_indices(prefix)
        .any(|(at, _)| view.as_bytes()[at + prefix.len()..].iter().take_while(|b| is_key(b)).count() >= SHAPED)
}

/// The Base64 characters that depend on `text` alone, at each of the three places it can have in a longer text, in both alphabets.
fn base64_cores(text: &str) -> Vec<String> {
    if cfg!(feature = "sabotage-x1") {
        return Vec::new();
    }
    let mut cores = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(text.as_bytes());
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for engine in [&STANDARD, &URL_SAFE] {
            cores.extend(engine.encode(&bytes).get(from..to).filter(|core| !core.is_empty()).map(str::to_owned));
        }
    }
    cores.dedup();
    cores
}

/// The text without what escapes or splits: backslashes, white space, pictures of control characters, marks of hidden ones; `\u0041`
/// becomes the character it stands for.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (character, length) = escape(rest).unwrap_or((Some(next), next.len_utf8()));
        bare.extend(character.filter(|c| !(*c == '\\' || c.is_whitespace() || matches!(c, '\u{2400}'..='\u{2421}'))));
        rest = &rest[length..];
    }
    bare
}

/// The escape at the beginning of `text`: what it stands for (nothing for the mark of a hidden character) and its length.
fn escape(text: &str) -> Option<(Option<char>, usize)> {
    if let Some(code) = text.strip_prefix("\\u").and_then(|rest| rest.get(..4)) {
        return Some((Some(char::from_u32(u32::from_str_radix(code, 16).ok()?)?), 6));
    }
    let prefix = ["\\<U+", "<U+"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let end = text.find('>').filter(|end| *end <= prefix.len() + 7)?;
    let code = text[prefix.len()..end].trim_end_matches('\\');
    (!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((None, end + 1))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| hex::decode(code).ok()) {
            Some(byte) => {
                decoded.extend(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escalation::markdown;

    const SECRET: &str = "s3cr3t+/with \"quotes\"_and_more=";

    fn found(text: &str) -> Option<Kind> {
        find(text.as_bytes(), &[&Secret::new(SECRET.to_owned())])
    }

    #[test]
    fn a_known_secret_is_found_through_every_disguise() {
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let twice = percent.replace('%', "%25");
        let unicode: String = SECRET.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let split = format!("{}\n{}", &SECRET[..9], &SECRET[9..]);
        let zero_width = format!("{}\u{200b}{}", &SECRET[..9], &SECRET[9..]);
        let json = serde_json::to_string(SECRET).expect("text");
        let disguises = [
            (SECRET.to_owned(), Form::Plain),
            (json, Form::Escaped),
            (unicode, Form::Escaped),
            (split.clone(), Form::Escaped),
            (markdown::prose(SECRET), Form::Escaped),
            (markdown::code(&split.into()), Form::Escaped),
            (markdown::code(&zero_width.clone().into()), Form::Escaped),
            (markdown::prose(&zero_width), Form::Escaped),
            (percent, Form::Percent),
            (twice, Form::Percent),
            (STANDARD.encode(SECRET), Form::Base64),
            (URL_SAFE.encode(format!("x{SECRET}y")), Form::Base64),
            (STANDARD.encode(format!("xy{SECRET}")), Form::Base64),
            (hex::encode(SECRET), Form::Hex),
        ];
        for (text, form) in disguises {
            assert_eq!(found(&format!("before {text} behind")), Some(Kind::Known(form)), "{text}");
        }
    }

    #[test]
    fn keys_and_tokens_are_known_by_their_shape() {
        let tail = "Ab3".repeat(14);
        let key = format!("wlcro_live_92_{tail}");
        assert_eq!(found(&key), Some(Kind::KeyShaped(Form::Plain)));
        assert_eq!(found(&format!("wlcro_92_{tail}")), Some(Kind::KeyShaped(Form::Plain)));
        assert_eq!(found(&markdown::prose(&key)), Some(Kind::KeyShaped(Form::Escaped)));
        assert_eq!(found(&key.replace('_', "%5f")), Some(Kind::KeyShaped(Form::Percent)));
        assert_eq!(found(&STANDARD.encode(format!("key={key}"))), Some(Kind::KeyShaped(Form::Base64)));
        let token = format!("wlop_{tail}");
        assert_eq!(found(&token), Some(Kind::TokenShaped(Form::Plain)));
        for before in ["", "a", "ab"] {
            assert_eq!(found(&STANDARD.encode(format!("{before}{token}"))), Some(Kind::TokenShaped(Form::Base64)));
        }
    }

    #[test]
    fn ordinary_text_and_the_names_of_prefixes_pass() {
        for text in
            ["", "a key begins with wlcro_live_ or wlcro_.", "subscription 7: 500 ×20", &"0123456789abcdef".repeat(4)]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn a_hit_names_the_kind_and_repeats_nothing() {
        let said = found(SECRET).expect("found").to_string();
        assert_eq!(said, "a known secret, plain");
    }
}
