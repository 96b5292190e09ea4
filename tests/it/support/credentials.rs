//! Credentials as they are issued, and texts as they travel: made by the rules of who issues them and of the encodings, from a seed. Nothing
//! here knows what the secret scan looks for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n as u64).expect("less than n")
    }

    pub(crate) fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(crate) fn text(&mut self, alphabets: &[&[u8]], n: usize) -> String {
        let all = alphabets.concat();
        (0..n).map(|_| char::from(all[self.below(all.len())])).collect()
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.roll().to_be_bytes()[4]).collect()
    }

    fn base64(&mut self, n: usize) -> String {
        STANDARD.encode(self.bytes(n))
    }

    fn url64(&mut self, n: usize) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(n))
    }

    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.text(&[HEX], 32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    pub(crate) fn ulid(&mut self) -> String {
        format!("01J{}", self.text(&[CROCKFORD], 23))
    }
}

/// Credential: its issuer, a text that contains it, and the part of the text that must not leave.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) secret: String,
}

/// One of every kind.
pub(crate) fn credentials(dice: &mut Dice) -> Vec<Credential> {
    let whole = |name, text: String| Credential { name, secret: text.clone(), text };
    let within = |name, before: &str, secret: String, after: &str| Credential {
        name,
        text: format!("{before}{secret}{after}"),
        secret,
    };
    let word =
        |dice: &mut Dice| format!("{}{}!{}", dice.text(&[UPPER], 1), dice.text(&[LOWER], 7), dice.text(&[DIGITS], 3));
    let bytes = |dice: &mut Dice| dice.text(&[LOWER, UPPER, DIGITS], 40);
    let claims = format!("{{\"sub\":\"{}\",\"iat\":17{},\"scope\":\"all\"}}", dice.uuid(), dice.text(&[DIGITS], 8));
    let head = URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
    let jwt = format!("{head}.{}.{}", URL_SAFE_NO_PAD.encode(claims), dice.url64(32));
    let pem = |dice: &mut Dice, kind: &str, n: usize| {
        let body = dice.base64(n);
        let lines: Vec<&str> = (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----", lines.join("\n"))
    };
    vec![
        whole("api key", format!("wlcro_live_92_{}", dice.url64(32))),
        whole("operator token", format!("wlop_{}", dice.url64(32))),
        whole("signing secret", dice.base64(32)),
        whole("32 bytes in hex", hex::encode(dice.bytes(32))),
        whole("json web token", jwt),
        within("bearer", "Authorization: Bearer ", bytes(dice), ""),
        within("basic", "Authorization: Basic ", STANDARD.encode(format!("deploy:{}", word(dice))), ""),
        within("url password", "https://deploy:", dice.text(&[LOWER, UPPER, DIGITS], 14), "@hooks.example.com/in"),
        within("database url", "postgres://app:", dice.text(&[LOWER, DIGITS], 16), "@db.internal:5432/orders"),
        whole("rsa private key", pem(dice, "RSA PRIVATE KEY", 600)),
        whole("ec private key", pem(dice, "EC PRIVATE KEY", 120)),
        whole("private key", pem(dice, "PRIVATE KEY", 300)),
        whole("aws access key id", format!("AKIA{}", dice.text(&[UPPER, b"234567"], 16))),
        within("aws secret", "aws_secret_access_key=", dice.base64(30), ""),
        whole("google api key", format!("AIza{}", dice.text(&[LOWER, UPPER, DIGITS, b"-_"], 35))),
        whole("google client secret", format!("GOCSPX-{}", dice.text(&[LOWER, UPPER, DIGITS, b"-_"], 28))),
        within(
            "azure account key",
            "AccountName=orders;AccountKey=",
            dice.base64(64),
            ";EndpointSuffix=core.windows.net",
        ),
        whole("github token", format!("ghp_{}", dice.text(&[LOWER, UPPER, DIGITS], 36))),
        whole(
            "github fine-grained token",
            format!("github_pat_{}_{}", dice.text(&[UPPER, DIGITS], 22), dice.text(&[LOWER, UPPER, DIGITS], 59)),
        ),
        whole(
            "slack token",
            format!(
                "xoxb-{}-{}-{}",
                dice.text(&[DIGITS], 12),
                dice.text(&[DIGITS], 13),
                dice.text(&[LOWER, UPPER, DIGITS], 24)
            ),
        ),
        whole("stripe key", format!("sk_live_{}", dice.text(&[LOWER, UPPER, DIGITS], 24))),
        whole("webhook secret", format!("whsec_{}", dice.base64(24))),
        whole("sendgrid key", format!("SG.{}.{}", dice.url64(16), dice.url64(32))),
        within("password", "password=", word(dice), ""),
        within("quoted secret", "\"client_secret\": \"", word(dice), "\""),
    ]
}

/// A way to write a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding {
    pub(crate) name: &'static str,
    pub(crate) encode: fn(&str) -> String,
}

fn each(text: &str, of: impl Fn(char) -> String) -> String {
    text.chars().map(of).collect()
}

fn apart(text: &str, n: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(characters.len().div_ceil(n).max(1)).map(|part| part.iter().collect()).collect()
}

fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("text");
    quoted[1..quoted.len() - 1].to_owned()
}

fn named(character: char) -> String {
    let name = match character {
        '_' => "lowbar",
        '-' => "hyphen",
        '+' => "plus",
        '=' => "equals",
        '/' => "sol",
        ':' => "colon",
        '@' => "commat",
        '.' => "period",
        '!' => "excl",
        ';' => "semi",
        '"' => "quot",
        '\n' => "NewLine",
        other => return other.to_string(),
    };
    format!("&{name};")
}

/// Every way to write a text that is tried.
pub(crate) const ENCODINGS: [Encoding; 24] = [
    Encoding { name: "clear", encode: str::to_owned },
    Encoding { name: "hex", encode: |text| hex::encode(text) },
    Encoding { name: "HEX", encode: |text| hex::encode_upper(text) },
    Encoding { name: "base64", encode: |text| STANDARD.encode(text) },
    Encoding { name: "base64url", encode: |text| URL_SAFE_NO_PAD.encode(text) },
    Encoding { name: "base64 within more", encode: |text| STANDARD.encode(format!("id=7; {text}; more follows")) },
    Encoding { name: "base64 twice", encode: |text| STANDARD.encode(STANDARD.encode(text)) },
    Encoding { name: "base64 in lines", encode: |text| apart(&STANDARD.encode(text), 3).join("\r\n ") },
    Encoding { name: "hex of base64", encode: |text| hex::encode(STANDARD.encode(text)) },
    Encoding { name: "percent", encode: |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect() },
    Encoding {
        name: "percent where needed",
        encode: |text| {
            each(text, |c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("%{:02x}", u32::from(c)) })
        },
    },
    Encoding { name: "percent twice", encode: |text| text.bytes().map(|byte| format!("%25{byte:02X}")).collect() },
    Encoding { name: "quoted-printable", encode: |text| text.bytes().map(|byte| format!("={byte:02X}")).collect() },
    Encoding {
        name: "quoted-printable lines",
        encode: |text| {
            let quoted = |part: &String| {
                each(part, |c| if matches!(c, '=' | '_') { format!("={:02X}", u32::from(c)) } else { c.to_string() })
            };
            apart(text, 3).iter().map(quoted).collect::<Vec<_>>().join("=\r\n")
        },
    },
    Encoding { name: "entities, named", encode: |text| each(text, named) },
    Encoding { name: "entities, decimal", encode: |text| each(text, |c| format!("&#{};", u32::from(c))) },
    Encoding { name: "entities, hex", encode: |text| each(text, |c| format!("&#x{:x};", u32::from(c))) },
    Encoding { name: "json", encode: escaped },
    Encoding { name: "json, all of it", encode: |text| each(text, |c| format!("\\u{:04x}", u32::from(c))) },
    Encoding { name: "json, slashes", encode: |text| escaped(text).replace('/', "\\/") },
    Encoding {
        name: "json in json",
        encode: |text| escaped(&escaped(&each(text, |c| format!("\\u{:04x}", u32::from(c))))),
    },
    Encoding {
        name: "two texts",
        encode: |text| {
            apart(text, 2).iter().map(|part| format!("\"{}\"", escaped(part))).collect::<Vec<_>>().join(" + ")
        },
    },
    Encoding { name: "lines", encode: |text| apart(text, 2).join("\r\n    ") },
    Encoding { name: "marks", encode: |text| apart(text, 3).join("\u{200b}") },
];

/// A text as receivers, platforms and people write them, without anything secret: ids, digests, signatures, addresses, numbers, prose.
pub(crate) fn innocent(dice: &mut Dice) -> String {
    let n = 3 + dice.below(5);
    (0..n).map(|_| remark(dice)).collect::<Vec<_>>().join(dice.of(&[" ", "\n", "; ", ", "]))
}

fn remark(dice: &mut Dice) -> String {
    let number = dice.below(100_000);
    let hash = hex::encode(dice.bytes(32));
    match dice.below(30) {
        0 => format!("request id req_{}", dice.ulid()),
        1 => format!("correlation-id: {}", dice.uuid()),
        2 => format!("\"traceparent\": \"00-{}-{}-01\"", hex::encode(dice.bytes(16)), hex::encode(dice.bytes(8))),
        3 => format!("X-Wlcro-Signature: sha256={hash}"),
        4 => format!("expected signature {hash}, computed {}", hex::encode(dice.bytes(32))),
        5 => format!("{{\"name\": \"ticket.md\", \"nBytes\": {number}, \"sha256\": \"{hash}\"}}"),
        6 => format!("https://docs.example.com/errors/{number}#details"),
        7 => format!("connect to hooks{number}.example.com:443 failed: connection refused (os error 111)"),
        8 => format!(
            "2026-11-{:02}T10:15:{:02}.{:03}Z ERROR worker-{number} gave up after {} tries",
            1 + number % 28,
            number % 60,
            number % 1000,
            number % 11
        ),
        9 => format!("{{\"error\":\"invalid_signature\",\"status\":401,\"id\":\"{}\"}}", dice.ulid()),
        10 => format!("the key lacks the scope webhooks:write; ask an admin for one that has it ({number})"),
        11 => format!("commit {}", hex::encode(dice.bytes(20))),
        12 => format!("ETag: W/\"{}\"", hex::encode(dice.bytes(16))),
        13 => {
            let body = format!(
                "{{\"id\":{number},\"type\":\"invoice.created\",\"payload\":{{\"invoice_id\":{}}}}}",
                number * 7
            );
            format!("payload {}", STANDARD.encode(body))
        }
        14 => format!("at com.example.orders.WebhookController.verify(WebhookController.java:{})", number % 900),
        15 => format!(
            "<html><head><title>{} Bad Gateway</title></head><body><h1>nginx/1.25.{}</h1></body></html>",
            500 + number % 5,
            number % 9
        ),
        16 => format!(
            "token expired at 2026-11-{:02}; password must have at least {} characters",
            1 + number % 28,
            8 + number % 8
        ),
        17 => format!("Set-Cookie: region=eu-{}; Path=/; HttpOnly", number % 9),
        18 => format!("write to support{number}@example.com or call +49 30 {}", 1_000_000 + number),
        19 => format!("subscription {number} of company {}: 500 x{}, last success never", number % 97, number % 50),
        20 => format!("cursor=eyJv{}", URL_SAFE_NO_PAD.encode(format!("ffset\":{number},\"at\":\"2026-11-24\"}}"))),
        21 => format!("digest: SHA-256={}", dice.base64(32)),
        22 => format!("image registry.example.com/app@sha256:{hash}"),
        23 => format!("the secret of the subscription does not match; see the guide, section {}", number % 12),
        24 => format!("Authorization header is missing; send Authorization: Bearer <token> ({number})"),
        25 => format!("curl -H \"X-Api-Key: $API_KEY\" \"$PLATFORM_URL/api/v1/events?limit={number}\""),
        26 => format!("peer 198.51.100.{}:{} TLSv1.3 TLS_AES_256_GCM_SHA384", number % 250, 1024 + number % 60000),
        27 => format!("CF-RAY: {}-FRA", hex::encode(dice.bytes(8))),
        28 => format!("X-Amzn-Trace-Id: Root=1-{}-{}", hex::encode(dice.bytes(4)), hex::encode(dice.bytes(12))),
        _ => format!(
            "a key begins with wlcro_live_ and the company's number, a token with wlop_; {number} calls were refused"
        ),
    }
}
