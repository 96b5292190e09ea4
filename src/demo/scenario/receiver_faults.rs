//! Faults of receivers in generated scenarios: mistakes in the signature check, and answers that refuse deliveries.

use serde::Deserialize;

/// Mistake of a receiver that computes the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureMistake {
    /// Joins timestamp and body by a colon.
    Colon,
    /// Signs the body alone.
    BodyAlone,
    /// Signs the timestamp in milliseconds.
    Milliseconds,
    /// Signs the second of its own clock.
    OwnSecond,
    /// Signs `undefined` in place of the timestamp.
    UndefinedTimestamp,
    /// Signs the body before the timestamp.
    BodyFirst,
    /// Signs a byte order mark before the body.
    ByteOrderMark,
    /// Signs the body with CRLF behind it.
    CrLf,
    /// Signs JSON that was printed on several lines.
    Pretty,
    /// Signs an empty body.
    EmptyBody,
    /// Signs the text `[object Object]`.
    ObjectObject,
    /// Signs the body in Base64.
    BodyInBase64,
    /// Signs the body as a JSON text.
    Stringified,
    /// Keys the HMAC with a line end behind the secret.
    SecretLineEnd,
    /// Keys the HMAC with quotes around the secret.
    QuotedSecret,
    /// Keys the HMAC with the secret without `=`.
    UnpaddedSecret,
    /// Keys the HMAC with an empty secret.
    UnsetSecret,
    /// Keys the HMAC with a whole line of settings.
    SettingLine,
    /// Keys the HMAC with the secret in hex.
    HexSecret,
    /// Swaps key and message of the HMAC.
    Swapped,
    /// Computes a plain hash without the secret.
    PlainHash,
    /// Writes the HMAC in Base64.
    InBase64,
    /// Writes the HMAC in upper case.
    UpperCase,
    /// Writes the HMAC without its prefix.
    NoPrefix,
}

/// Fault with the end of its scenario's name, its cause and its story.
pub type NamedFault<F> = (F, &'static str, &'static str, &'static str);

/// Mistakes of signature checks.
pub const SIGNATURE_MISTAKES: [NamedFault<SignatureMistake>; 24] = [
    (SignatureMistake::Colon, "colon", "sig-no-dot", "The receiver joins timestamp and body by a colon."),
    (
        SignatureMistake::BodyAlone,
        "body-alone",
        "sig-timestamp",
        "The receiver signs the body and leaves out the timestamp.",
    ),
    (
        SignatureMistake::Milliseconds,
        "milliseconds",
        "sig-timestamp",
        "The receiver signs the timestamp in milliseconds.",
    ),
    (
        SignatureMistake::OwnSecond,
        "own-second",
        "sig-timestamp",
        "The receiver signs the second of its own clock, not the one sent.",
    ),
    (
        SignatureMistake::UndefinedTimestamp,
        "undefined",
        "sig-timestamp",
        "The receiver reads a header that is not there and signs \"undefined\".",
    ),
    (SignatureMistake::BodyFirst, "order", "sig-order", "The receiver puts the body before the timestamp."),
    (
        SignatureMistake::ByteOrderMark,
        "bom",
        "sig-bom",
        "The receiver's decoder puts a byte order mark before the body.",
    ),
    (SignatureMistake::CrLf, "crlf", "sig-newline", "The receiver's line reader puts CRLF behind the body."),
    (
        SignatureMistake::Pretty,
        "pretty",
        "sig-reserialised",
        "The receiver prints the JSON on several lines before it verifies.",
    ),
    (
        SignatureMistake::EmptyBody,
        "empty-body",
        "sig-body-missing",
        "A parser consumed the stream; the receiver signs an empty body.",
    ),
    (
        SignatureMistake::ObjectObject,
        "object",
        "sig-body-missing",
        "The receiver signs a parsed object: the text [object Object].",
    ),
    (
        SignatureMistake::BodyInBase64,
        "base64-body",
        "sig-body-encoded",
        "The gateway delivers the body in Base64, and the function signs that.",
    ),
    (
        SignatureMistake::Stringified,
        "stringified",
        "sig-body-encoded",
        "The receiver puts the raw body through JSON.stringify once more.",
    ),
    (
        SignatureMistake::SecretLineEnd,
        "secret-line-end",
        "sig-secret-spaces",
        "The receiver reads the secret from a file with a line end.",
    ),
    (
        SignatureMistake::QuotedSecret,
        "secret-quotes",
        "sig-secret-spaces",
        "The receiver's settings file keeps the quotes of the secret.",
    ),
    (
        SignatureMistake::UnpaddedSecret,
        "secret-padding",
        "sig-altered-secret",
        "The receiver's settings parser cuts the secret at its = sign.",
    ),
    (
        SignatureMistake::UnsetSecret,
        "secret-unset",
        "sig-altered-secret",
        "The receiver's environment has no secret, and the HMAC is keyed with nothing.",
    ),
    (
        SignatureMistake::SettingLine,
        "secret-line",
        "sig-altered-secret",
        "The whole line WEBHOOK_SECRET=… was pasted as the secret.",
    ),
    (
        SignatureMistake::HexSecret,
        "secret-hex",
        "sig-decoded-secret",
        "The receiver puts the secret into hex before it keys the HMAC.",
    ),
    (
        SignatureMistake::Swapped,
        "swapped",
        "sig-algorithm",
        "The receiver swaps the arguments of the HMAC: the message is the key.",
    ),
    (SignatureMistake::PlainHash, "plain-hash", "sig-algorithm", "The receiver computes SHA-256 without the secret."),
    (SignatureMistake::InBase64, "base64", "sig-encoding", "The receiver writes the HMAC in Base64 instead of hex."),
    (SignatureMistake::UpperCase, "upper-case", "sig-case", "The receiver compares with hex digits in upper case."),
    (SignatureMistake::NoPrefix, "no-prefix", "sig-case", "The receiver compares without the prefix sha256=."),
];

/// Answer with which a receiver refuses deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusingAnswer {
    /// The path was removed: 404.
    NotFound,
    /// The path was removed for good: 410.
    Gone,
    /// The path takes no POST: 405.
    WrongMethod,
    /// The body is too large: 413.
    TooLarge,
    /// The media type is not read: 415.
    MediaType,
    /// The content is invalid: 422.
    Invalid,
    /// The receiver limits how often it is called: 429.
    Limited,
    /// The receiver asks for a login: 401 with a challenge.
    Login,
    /// A firewall blocks the platform: 403 with a page.
    Firewall,
    /// A proxy answers for a dead application: 502.
    BadGateway,
    /// The target's scheme is wrong: 400 of a TLS port.
    TlsPort,
    /// The receiver refuses without a reason: 403.
    NoReason,
    /// The receiver refuses the signature without details: 401.
    BadSignature,
    /// The application is overloaded: 503.
    Overloaded,
}

/// Answers of receivers that refuse.
pub const REFUSING_ANSWERS: [NamedFault<RefusingAnswer>; 14] = [
    (
        RefusingAnswer::NotFound,
        "not-found",
        "endpoint-gone",
        "A deployment moved the receiver's route; the old path answers 404.",
    ),
    (
        RefusingAnswer::Gone,
        "gone",
        "endpoint-gone",
        "The partner switched the old integration off; its path answers 410.",
    ),
    (
        RefusingAnswer::WrongMethod,
        "wrong-method",
        "endpoint-wrong-method",
        "The target is a page for people, which answers 405 to a POST.",
    ),
    (
        RefusingAnswer::TooLarge,
        "too-large",
        "endpoint-too-large",
        "The receiver's server takes bodies of a few bytes only: 413.",
    ),
    (
        RefusingAnswer::MediaType,
        "media-type",
        "endpoint-media-type",
        "The receiver takes forms and answers 415 to JSON.",
    ),
    (
        RefusingAnswer::Invalid,
        "validation",
        "endpoint-validation",
        "The receiver validates strictly and refuses a member that it does not know.",
    ),
    (
        RefusingAnswer::Limited,
        "limits-us",
        "endpoint-limits-us",
        "The receiver limits callers and answers 429 to every delivery.",
    ),
    (RefusingAnswer::Login, "login", "endpoint-login", "The receiver was put behind the login of the intranet."),
    (
        RefusingAnswer::Firewall,
        "firewall",
        "endpoint-firewall",
        "The firewall in front of the receiver blocks the platform's address.",
    ),
    (
        RefusingAnswer::BadGateway,
        "proxy",
        "endpoint-proxy",
        "The receiver's application is down, and its proxy answers 502.",
    ),
    (
        RefusingAnswer::TlsPort,
        "wrong-scheme",
        "endpoint-wrong-scheme",
        "The target has http:// and a port that speaks TLS.",
    ),
    (
        RefusingAnswer::NoReason,
        "unexplained",
        "endpoint-unexplained",
        "The receiver answers 403 and gives no reason at all.",
    ),
    (
        RefusingAnswer::BadSignature,
        "rejects-signature",
        "endpoint-rejects-signature",
        "The receiver refuses the signature and does not say what it computed.",
    ),
    (
        RefusingAnswer::Overloaded,
        "overloaded",
        "endpoint-500",
        "The receiver's application is overloaded and answers 503.",
    ),
];

impl RefusingAnswer {
    /// Status line, extra headers and body of the answer.
    #[must_use]
    pub const fn reply(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NotFound => ("404 Not Found", "", r#"{"error":"no such route"}"#),
            Self::Gone => ("410 Gone", "", r#"{"error":"gone"}"#),
            Self::WrongMethod => ("405 Method Not Allowed", "allow: GET\r\n", "POST not allowed"),
            Self::TooLarge => ("413 Content Too Large", "", "request entity too large"),
            Self::MediaType => ("415 Unsupported Media Type", "", "unsupported media type"),
            Self::Invalid => ("422 Unprocessable Content", "", r#"{"message":"unexpected property metadata"}"#),
            Self::Limited => ("429 Too Many Requests", "retry-after: 60\r\n", "slow down"),
            Self::Login => ("401 Unauthorized", "www-authenticate: Basic realm=\"intranet\"\r\n", ""),
            Self::Firewall => (
                "403 Forbidden",
                "server: cloudflare\r\ncf-ray: 8f12\r\n",
                "<html><title>Attention Required! | Cloudflare</title></html>",
            ),
            Self::BadGateway => {
                ("502 Bad Gateway", "server: nginx\r\n", "<html><head><title>502 Bad Gateway</title></head></html>")
            }
            Self::TlsPort => (
                "400 Bad Request",
                "server: nginx\r\n",
                "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
            ),
            Self::NoReason => ("403 Forbidden", "", "no"),
            Self::BadSignature => ("401 Unauthorized", "", r#"{"error":"signature verification failed"}"#),
            Self::Overloaded => ("503 Service Unavailable", "", r#"{"error":"could not open connection"}"#),
        }
    }
}
