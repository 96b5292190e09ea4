//! Subject of a receiver's answer, from its status, its heads and its words. A status alone says little: a 403 may come
//! from a firewall, a login or a signature check.

/// Subject of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTopic {
    /// The receiver has no signing secret.
    MissingSecret,
    /// The receiver finds the timestamp too old or too new.
    Clock,
    /// The receiver refuses the signature.
    Signature,
    /// The receiver asks for a login, a token or a certificate.
    Login,
    /// A firewall blocks the request.
    Firewall,
    /// A proxy answers in place of the application behind it.
    Proxy,
    /// The target speaks another scheme than it was called with.
    WrongScheme,
    /// The receiver refuses the content.
    Validation,
    /// Something else, or nothing.
    Other,
}

impl AnswerTopic {
    /// All topics that say something.
    pub const ALL: [Self; 8] = [
        Self::MissingSecret,
        Self::Clock,
        Self::Signature,
        Self::Login,
        Self::Firewall,
        Self::Proxy,
        Self::WrongScheme,
        Self::Validation,
    ];

    /// Name of the topic in documents and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingSecret => "missing_secret",
            Self::Clock => "clock",
            Self::Signature => "signature",
            Self::Login => "login",
            Self::Firewall => "firewall",
            Self::Proxy => "proxy",
            Self::WrongScheme => "wrong_scheme",
            Self::Validation => "validation",
            Self::Other => "other",
        }
    }

    /// Topic of a name; [`Self::Other`] for a name that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|topic| topic.name() == name).unwrap_or(Self::Other)
    }
}

/// Parts of an answer that tell who speaks and what about, as received.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnswerParts<'a> {
    /// HTTP status of the answer; 0 without one.
    pub status: u16,
    /// Beginning of the body as text.
    pub body: &'a str,
    /// Header `Server`; empty without one.
    pub server: &'a str,
    /// Header `Location`; empty without one.
    pub location: &'a str,
    /// Header `Content-Type`; empty without one.
    pub content_type: &'a str,
    /// Whether the answer has the header `WWW-Authenticate`.
    pub has_challenge: bool,
    /// Whether the answer has the header `CF-Ray`.
    pub is_cloudflare: bool,
}

impl AnswerParts<'_> {
    /// Finds the subject of the answer.
    #[must_use]
    pub fn topic(&self) -> AnswerTopic {
        let heads = AnswerHeads {
            server: self.server.to_lowercase(),
            location: self.location.to_lowercase(),
            has_challenge: self.has_challenge,
            is_cloudflare: self.is_cloudflare,
            is_html: self.content_type.to_lowercase().contains("html") || self.body.trim_start().starts_with('<'),
        };
        topic(self.status, &self.body.to_lowercase(), &heads)
    }
}

/// Headers of an answer that tell who speaks, in lower case.
struct AnswerHeads {
    server: String,
    location: String,
    has_challenge: bool,
    is_cloudflare: bool,
    is_html: bool,
}

/// Phrases by which receivers say that they have no secret, where they mention a secret.
const NO_SECRET: [&str; 12] = [
    "not configured",
    "not set",
    "unset",
    "undefined",
    "no signing secret",
    "no webhook secret",
    "no secret",
    "secret is missing",
    "secret missing",
    "missing signing secret",
    "secret is empty",
    "lost",
];
/// Phrases about another kind of secret.
const OTHER_SECRETS: [&str; 2] = ["secret token", "client secret"];
const CLOCK_NOUNS: [&str; 4] = ["timestamp", "clock", "replay", "request time"];
const CLOCK_FAULTS: [&str; 9] =
    ["outside", "tolerance", "too old", "too new", "expired", "stale", "skew", "in the future", "too far"];
const SIGNATURE: [&str; 4] = ["signature", "hmac", "digest does not match", "digest mismatch"];
const TOKEN_SIGNATURE: [&str; 3] = ["jwt", "token signature", "bearer"];
const SCHEME: [&str; 3] = [
    "plain http request was sent to https port",
    "client sent an http request to an https server",
    "http request was sent to https",
];
const LOGIN: [&str; 17] = [
    "unauthenticated",
    "authentication required",
    "not authenticated",
    "authentication credentials",
    "not logged in",
    "log in",
    "login",
    "sign in",
    "signin",
    "missing token",
    "invalid token",
    "access token",
    "bearer",
    "jwt",
    "api key",
    "basic auth",
    "client certificate",
];
const LOGIN_PATHS: [&str; 7] = ["login", "signin", "sign-in", "sign_in", "/auth", "sso", "oauth"];
const FIREWALL: [&str; 19] = [
    "attention required",
    "just a moment",
    "checking your browser",
    "cloudflare ray id",
    "incapsula",
    "imperva",
    "sucuri",
    "mod_security",
    "modsecurity",
    "web application firewall",
    "request blocked",
    "you have been blocked",
    "the request could not be satisfied",
    "aws waf",
    "access denied</h1>",
    "ip address is not allowed",
    "ip not allowed",
    "not on the allow",
    "not whitelisted",
];
const FIREWALL_SERVERS: [&str; 3] = ["akamaighost", "sucuri", "imperva"];
const PROXY: [&str; 10] = [
    "bad gateway",
    "gateway time-out",
    "gateway timeout",
    "upstream",
    "service temporarily unavailable",
    "backend fetch failed",
    "application error",
    "web server is down",
    "no server is available",
    "the server returned an invalid or incomplete response",
];
const PROXY_SERVERS: [&str; 9] =
    ["nginx", "cloudflare", "awselb", "envoy", "haproxy", "varnish", "traefik", "caddy", "cloudfront"];
const VALIDATION: [&str; 14] = [
    "unexpected",
    "unknown field",
    "unknown property",
    "additional propert",
    "required",
    "validation",
    "invalid",
    "must be",
    "must not",
    "schema",
    "deserializ",
    "unprocessable",
    "cannot parse",
    "malformed",
];

fn says(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

fn topic(status: u16, text: &str, heads: &AnswerHeads) -> AnswerTopic {
    if (300..400).contains(&status) {
        return if says(&heads.location, &LOGIN_PATHS) { AnswerTopic::Login } else { AnswerTopic::Other };
    }
    if says(text, &SCHEME) {
        return AnswerTopic::WrongScheme;
    }
    let is_blocked = says(text, &FIREWALL) || says(&heads.server, &FIREWALL_SERVERS);
    let is_blocking_page = heads.is_html && (is_blocked || heads.is_cloudflare && matches!(status, 403 | 429));
    if is_blocking_page && matches!(status, 401 | 403 | 405 | 406 | 429 | 503) || is_blocked && status == 403 {
        return AnswerTopic::Firewall;
    }
    if text.contains("secret") && says(text, &NO_SECRET) && !says(text, &OTHER_SECRETS) {
        return AnswerTopic::MissingSecret;
    }
    let is_token = says(text, &TOKEN_SIGNATURE);
    if says(text, &CLOCK_NOUNS) && says(text, &CLOCK_FAULTS) && !is_token {
        return AnswerTopic::Clock;
    }
    if says(text, &SIGNATURE) && !is_token {
        return AnswerTopic::Signature;
    }
    if matches!(status, 401 | 403 | 407) && (heads.has_challenge || status == 407 || says(text, &LOGIN)) {
        return AnswerTopic::Login;
    }
    let is_proxy = says(text, &PROXY) || heads.is_html && says(&heads.server, &PROXY_SERVERS);
    if matches!(status, 502 | 504 | 520..=527) || status == 503 && is_proxy {
        return AnswerTopic::Proxy;
    }
    if matches!(status, 400 | 406 | 409 | 422) && says(text, &VALIDATION) {
        return AnswerTopic::Validation;
    }
    AnswerTopic::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_travel_by_their_names() {
        assert!(AnswerTopic::ALL.into_iter().all(|topic| AnswerTopic::from_name(topic.name()) == topic));
        assert_eq!(AnswerTopic::from_name("of a later version"), AnswerTopic::Other);
    }
}
