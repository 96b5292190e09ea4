//! Redaction of URLs. Scheme, host and port stay; user names, passwords, queries, fragments and path segments that look
//! like secrets are replaced with [`REDACTED`].

use super::scan::is_random_word;
use std::borrow::Cow;

/// Text that replaces each redacted part of a URL.
pub const REDACTED: &str = "REDACTED";

/// Label under which redacted URL parts are counted.
pub const URL_PARTS_LABEL: &str = "secret parts of URLs";

/// Hosts whose paths are secrets, each with the path prefix that may be shown.
const SECRET_PATH_HOSTS: [(&str, &str); 14] = [
    ("hooks.zapier.com", "/hooks/catch/"),
    ("hooks.zapier.com", "/hooks/standard/"),
    ("hooks.slack.com", "/services/"),
    ("hooks.slack.com", "/workflows/"),
    ("hooks.slack.com", "/triggers/"),
    ("discord.com", "/api/webhooks/"),
    ("discordapp.com", "/api/webhooks/"),
    ("webhook.office.com", "/webhookb2/"),
    ("outlook.office.com", "/webhook/"),
    ("make.com", "/"),
    ("integromat.com", "/"),
    ("webhook.site", "/"),
    ("pipedream.net", "/"),
    ("api.telegram.org", "/"),
];

/// Path segments that are followed by a secret segment.
const SECRET_PATH_NAMES: [&str; 11] =
    ["key", "keys", "token", "secret", "auth", "password", "signature", "sig", "apikey", "api_key", "access_token"];

/// Redacts a URL: `https://hooks.zapier.com/hooks/catch/REDACTED/REDACTED?REDACTED`. A text without a scheme is treated
/// as if it began with the host.
#[must_use]
pub fn redact_url(url: &str) -> Cow<'_, str> {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (&url[..scheme.len() + 3], rest));
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let (path, rest) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let told = redact_path(host, path);
    let is_bare = |part: &str| part.is_empty() || part == REDACTED;
    let is_as_it_was = user.is_none_or(is_bare) && told == path && is_bare(rest.trim_start_matches(['?', '#']));
    if is_as_it_was {
        return Cow::Borrowed(url);
    }
    let user = if user.is_some() { "REDACTED@" } else { "" };
    let rest = match rest.chars().next() {
        Some(mark) if rest.len() > 1 => format!("{mark}{REDACTED}"),
        _ => rest.to_owned(),
    };
    Cow::Owned(format!("{scheme}{user}{host}{told}{rest}"))
}

/// Redacts the secret segments of a path, which are all of them behind a known prefix of a capability host.
fn redact_path<'p>(host: &str, path: &'p str) -> Cow<'p, str> {
    let name = host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let is_at = |of: &str| name == of || name.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
    let open = SECRET_PATH_HOSTS.iter().find(|(of, prefix)| is_at(of) && path.starts_with(prefix));
    let (kept, parts) = path.split_at(open.map_or(0, |(_, prefix)| prefix.len()));
    let mut before = "";
    let mut told = Vec::new();
    for part in parts.split('/') {
        let is_secret = open.is_some()
            || SECRET_PATH_NAMES.contains(&before.to_ascii_lowercase().as_str())
            || is_secret_segment(part);
        told.push(if is_secret && !part.is_empty() { REDACTED } else { part });
        before = part;
    }
    let told = told.join("/");
    if told == parts { Cow::Borrowed(path) } else { Cow::Owned(format!("{kept}{told}")) }
}

/// Lists the parts of a URL that [`redact_url`] removes: user information, secret path segments and the query.
#[must_use]
pub fn secret_url_parts(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let told = redact_path(host, path);
    let parts = path.split('/').zip(told.split('/')).filter(|(part, told)| part != told).map(|(part, _)| part);
    let all = [user, query.trim_start_matches(['?', '#'])].into_iter().chain(parts);
    all.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Returns whether a path segment looks like a secret: a known prefix, or a word that mixes letters and digits as
/// random text does.
fn is_secret_segment(part: &str) -> bool {
    let part = part.replace("%", "");
    part.split(|character: char| !character.is_ascii_alphanumeric()).any(|word| is_random_word(word.as_bytes()))
        || part.starts_with("wlcro_")
        || part.starts_with("wlop_")
}

/// Redacts every URL in a text and returns the text with the number of URLs that changed.
#[must_use]
pub fn redact_urls(text: &str) -> (Cow<'_, str>, usize) {
    let (mut told, mut at, mut n) = (String::new(), 0, 0);
    while let Some((start, slashes)) = next_url(text, at) {
        let is_end = |character: char| {
            character.is_whitespace()
                || character.is_control()
                || matches!(character, '"' | '\'' | '<' | '>' | '`' | '\u{2400}'..='\u{2421}')
        };
        let rest = &text[start..];
        let end = rest.find(is_end).unwrap_or(rest.len());
        let url = rest[..end].trim_end_matches(['.', ',', ':', ';', '!', ')', ']', '}', '\\']);
        let plain = if slashes == PLAIN_SEPARATOR { Cow::Borrowed(url) } else { Cow::Owned(url.replace("\\/", "/")) };
        let redacted = redact_url(&plain);
        told.push_str(&text[at..start]);
        if redacted == plain {
            told.push_str(url);
        } else {
            told.push_str(&redacted);
            n += 1;
        }
        at = start + url.len().max(1);
        if url.is_empty() {
            told.push_str(&text[start..at]);
        }
    }
    if n == 0 {
        return (Cow::Borrowed(text), 0);
    }
    told.push_str(&text[at..]);
    (Cow::Owned(told), n)
}

/// Separator between scheme and host, in plain text and with the slashes escaped as in JSON.
const PLAIN_SEPARATOR: &str = "://";
const ESCAPED_SEPARATOR: &str = ":\\/\\/";

/// Byte offset at which the next URL of a text begins, with the separator that follows the scheme.
fn next_url(text: &str, from: usize) -> Option<(usize, &'static str)> {
    let of = |slashes: &'static str| text[from..].find(slashes).map(|at| (from + at, slashes));
    let (at, slashes) = [of(PLAIN_SEPARATOR), of(ESCAPED_SEPARATOR)].into_iter().flatten().min()?;
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let n = text.as_bytes()[from..at].iter().rev().take_while(|byte| is_scheme(byte)).count();
    Some((at - n, slashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_anybody_in_is_left_out_and_where_it_leads_stays() {
        for (url, told) in [
            ("https://hooks.example/in", "https://hooks.example/in"),
            ("https://hooks.example:8443/v2/orders/2026-11", "https://hooks.example:8443/v2/orders/2026-11"),
            ("https://hooks.example/in?token=abc&v=2", "https://hooks.example/in?REDACTED"),
            ("https://hooks.example?deadbeef", "https://hooks.example?REDACTED"),
            ("https://hooks.example/in#state=abc", "https://hooks.example/in#REDACTED"),
            ("https://me:secret@hooks.example/in", "https://REDACTED@hooks.example/in"),
            ("https://token@hooks.example/in", "https://REDACTED@hooks.example/in"),
            ("https://hooks.zapier.com/hooks/catch/123/abc", "https://hooks.zapier.com/hooks/catch/REDACTED/REDACTED"),
            (
                "https://hooks.zapier.com/hooks/catch/123/abc/",
                "https://hooks.zapier.com/hooks/catch/REDACTED/REDACTED/",
            ),
            (
                "https://hooks.slack.com/services/T0/B0/xyz",
                "https://hooks.slack.com/services/REDACTED/REDACTED/REDACTED",
            ),
            ("https://hook.eu1.make.com/abcdefgh", "https://hook.eu1.make.com/REDACTED"),
            ("https://discord.com/api/webhooks/1/x", "https://discord.com/api/webhooks/REDACTED/REDACTED"),
            (
                "https://maker.ifttt.com/trigger/paid/with/key/short",
                "https://maker.ifttt.com/trigger/paid/with/key/REDACTED",
            ),
            (
                "https://n8n.example/webhook/6f1c2d3e-8a9b-4c5d-9e0f-1a2b3c4d5e6f",
                "https://n8n.example/webhook/REDACTED",
            ),
            ("https://hooks.example/in/4fQ9zX2mLkW81", "https://hooks.example/in/REDACTED"),
            (
                "https://webhooks.example/webhooks/orders-from-shop-2",
                "https://webhooks.example/webhooks/orders-from-shop-2",
            ),
            ("https://ok.evil.example\\@127.0.0.1/?x", "https://ok.evil.example\\@127.0.0.1/?REDACTED"),
            ("no URL", "no URL"),
            ("/in?token=abc", "/in?REDACTED"),
        ] {
            assert_eq!(redact_url(url), told);
            assert_eq!(redact_url(told), told, "twice");
        }
    }

    #[test]
    fn urls_within_text_are_told_by_the_same_rule() {
        for (text, told, n) in [
            (
                "cannot reach https://h.example/in?token=abc&v=2: refused",
                "cannot reach https://h.example/in?REDACTED: refused",
                1,
            ),
            ("{\"url\":\"https:\\/\\/h.example\\/in?a=b,c\"}", "{\"url\":\"https://h.example/in?REDACTED\"}", 1),
            ("see (https://h.example/in). And http://a:b@c/", "see (https://h.example/in). And http://REDACTED@c/", 1),
            ("a :// b", "a :// b", 0),
            ("://", "://", 0),
            ("postgres://app:pw@db/orders x", "postgres://REDACTED@db/orders x", 1),
        ] {
            assert_eq!(redact_urls(text), (Cow::Borrowed(told), n));
        }
    }
}
