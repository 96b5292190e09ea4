//! The secret scan: bytes are searched for credentials, for those that are known and for everything that has the shape of one, in clear and
//! through the encodings that text travels in: escapes of JSON, URLs, HTML, Markdown and quoted-printable, Base64 and hexadecimal, up to
//! three in each other, and split over lines, texts and marks. Linear in the length of the text; memory is bounded by [`CHUNK`].

mod decode;
mod judge;
mod known;
mod shapes;
mod views;

pub use known::KnownSecrets;

use decode::Part;
use sha2::{Digest, Sha256};
use shapes::{Joined, Wanted};
use std::fmt;
use std::ops::Range;
use views::{Rewritten, Splits};

/// What was found, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// A secret that is known to be one.
    Known,
    /// An API key of the platform.
    ApiKey,
    /// An operator's token.
    OperatorToken,
    /// A signing secret with its prefix.
    SigningSecret,
    /// A private key in PEM.
    PrivateKey,
    /// A key of a cloud provider.
    CloudKey,
    /// A token of a code host, messenger, payment or mail service.
    ServiceToken,
    /// A JSON Web Token.
    JsonWebToken,
    /// A header that authenticates.
    Authorization,
    /// A password in front of a host.
    UrlPassword,
    /// The value of something called a password, secret, token or key.
    Assignment,
    /// Random bytes as long as secrets are.
    RandomBytes,
}

impl SecretKind {
    /// What people call it, with its article.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "a known secret",
            Self::ApiKey => "an API key",
            Self::OperatorToken => "an operator token",
            Self::SigningSecret => "a signing secret",
            Self::PrivateKey => "a private key",
            Self::CloudKey => "a cloud provider's key",
            Self::ServiceToken => "a service's token",
            Self::JsonWebToken => "a JSON Web Token",
            Self::Authorization => "an Authorization header",
            Self::UrlPassword => "a user name with its password",
            Self::Assignment => "the value of a password, secret, token or key",
            Self::RandomBytes => "a random secret",
        }
    }

    /// What stands in its place when it is redacted.
    #[must_use]
    pub const fn mask(self) -> &'static str {
        match self {
            Self::Known => "[redacted secret]",
            Self::ApiKey => "[redacted API key]",
            Self::OperatorToken => "[redacted operator token]",
            Self::SigningSecret => "[redacted signing secret]",
            Self::PrivateKey => "[redacted private key]",
            Self::CloudKey => "[redacted cloud key]",
            Self::ServiceToken => "[redacted service token]",
            Self::JsonWebToken => "[redacted JWT]",
            Self::Authorization => "[redacted authorization]",
            Self::UrlPassword => "[redacted login]",
            Self::Assignment => "[redacted value]",
            Self::RandomBytes => "[redacted random secret]",
        }
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a secret was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// In clear.
    Clear,
    /// With escapes of JSON, URLs, HTML, Markdown or quoted-printable.
    Escaped,
    /// Split over lines, texts or marks.
    Split,
    /// In Base64 of either alphabet.
    Base64,
    /// In hexadecimal digits.
    Hex,
}

impl Encoding {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Escaped => "escaped",
            Self::Split => "split",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    /// The encoding of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Clear, Self::Escaped, Self::Split, Self::Base64, Self::Hex].into_iter().find(|of| of.name() == name)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear => "in clear",
            Self::Escaped => "with escapes",
            Self::Split => "in pieces",
            Self::Base64 => "in Base64",
            Self::Hex => "in hexadecimal digits",
        })
    }
}

/// Eight bytes of a SHA-256 over a secret, by which one that was found is named without being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    fn of(secret: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"crow secret fingerprint\0").chain_update(secret).finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A secret that was found, without any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: SecretKind,
    /// How it is written.
    pub encoding: Encoding,
    /// Which bytes of the text it is in.
    pub range: Range<usize>,
    /// Its name for people who release it.
    pub fingerprint: Fingerprint,
    /// Which of the secrets that are held it is, as [`HeldSecrets`] numbers them.
    pub held: Option<usize>,
}

/// Secrets that are looked for beside shapes.
pub trait HeldSecrets {
    /// Every held secret in a text, with its number. `joints` are the places where the text was joined, in order.
    fn find(&self, text: &[u8], joints: &[usize]) -> Vec<(Range<usize>, usize)>;
}

/// Whether shapes are looked for, beside what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Held secrets and shapes.
    Everything,
    /// Held secrets alone.
    Held,
}

/// The search was ended before all was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the search took too long")]
pub struct Interrupted;

/// Bytes that are searched at once.
pub const CHUNK: usize = 256 * 1024;
/// Bytes that are searched with both chunks beside them: longer than any secret that is looked for, encoded twice.
const OVERLAP: usize = 48 * 1024;
/// Encodings in each other that are undone.
const MAX_DEPTH: usize = 3;
/// Layers of escapes that are undone within one of them.
const MAX_ESCAPES: usize = 3;

/// Searches a text for secrets. What overlaps is one finding; findings are in the order of the text.
#[must_use]
pub fn find(text: &[u8], held: &dyn HeldSecrets) -> Vec<Finding> {
    search(text, held, Scope::Everything, &|| true).unwrap_or_default()
}

/// Searches a text as long as `goes_on` says so; it is asked before every [`CHUNK`].
///
/// # Errors
/// [`Interrupted`] when it did not.
pub fn search(
    text: &[u8],
    held: &dyn HeldSecrets,
    scope: Scope,
    goes_on: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, Interrupted> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !goes_on() {
            return Err(Interrupted);
        }
        let end = text.len().min(at + CHUNK + OVERLAP);
        let mut search = Search { held, scope, found: Vec::new() };
        search.level(&text[at..end], 0, Encoding::Clear, &Chain { step: Step::Root, parent: None });
        found
            .extend(search.found.into_iter().map(|of| Finding { range: at + of.range.start..at + of.range.end, ..of }));
        at += CHUNK;
    }
    Ok(merged(found))
}

/// Runs of letters, digits, `_` and `-` that are at least `shortest` long.
#[must_use]
pub fn word_runs(text: &[u8], shortest: usize) -> Vec<Range<usize>> {
    decode::runs(text, shortest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Whether a word has letters and digits mixed as random text does: at least eight characters, and no name with a number behind it.
#[must_use]
pub fn is_random_word(word: &[u8]) -> bool {
    judge::is_random_word(word)
}

/// Findings that overlap are one, of the most telling kind.
fn merged(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|of| (of.range.start, of.kind, of.range.end));
    let mut merged: Vec<Finding> = Vec::new();
    for next in found {
        match merged.last_mut().filter(|last| next.range.start < last.range.end) {
            Some(last) => {
                let range = last.range.start..last.range.end.max(next.range.end);
                if (next.kind, next.encoding) < (last.kind, last.encoding) {
                    *last = next;
                }
                last.range = range;
            }
            None => merged.push(next),
        }
    }
    merged
}

/// How a view was made of the one before.
#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Rewritten(&'a Rewritten),
    Decoded(&'a decode::Decoded),
}

/// The way back from a view to the text.
#[derive(Clone, Copy)]
struct Chain<'a> {
    step: Step<'a>,
    parent: Option<&'a Chain<'a>>,
}

impl<'a> Chain<'a> {
    const fn then(&'a self, step: Step<'a>) -> Self {
        Chain { step, parent: Some(self) }
    }

    fn root(&self, range: Range<usize>) -> Range<usize> {
        let range = match self.step {
            Step::Root => range,
            Step::Rewritten(view) => view.source(&range),
            Step::Decoded(run) => run.source(&range),
        };
        self.parent.map_or(range.clone(), |parent| parent.root(range))
    }
}

struct Search<'a> {
    held: &'a dyn HeldSecrets,
    scope: Scope,
    found: Vec<Finding>,
}

impl Search<'_> {
    /// Looks at a text, at what it says without quoted-printable, and at what is encoded in either.
    fn level(&mut self, text: &[u8], depth: usize, encoding: Encoding, chain: &Chain<'_>) {
        self.base(text, depth, encoding, chain);
        if let Some(view) = views::printable(text) {
            let chain = chain.then(Step::Rewritten(&view));
            self.base(&view.bytes, depth, encoding.max(Encoding::Escaped), &chain);
        }
    }

    /// Looks at a text, at what it says without its escapes, each of them joined too, and into its runs of digits.
    fn base(&mut self, text: &[u8], depth: usize, encoding: Encoding, chain: &Chain<'_>) {
        self.look(text, &[], Wanted::All, encoding, chain);
        self.lines(text, encoding, chain);
        self.escapes(text, MAX_ESCAPES, depth, encoding, chain);
    }

    fn escapes(&mut self, text: &[u8], layers: usize, depth: usize, encoding: Encoding, chain: &Chain<'_>) {
        if let Some(view) = views::unescaped(text).filter(|_| layers > 0) {
            let (chain, encoding) = (chain.then(Step::Rewritten(&view)), encoding.max(Encoding::Escaped));
            self.look(&view.bytes, &[], Wanted::All, encoding, &chain);
            self.lines(&view.bytes, encoding, &chain);
            return self.escapes(&view.bytes, layers - 1, depth, encoding, &chain);
        }
        match views::joined(text, Splits::Spaces) {
            Some(view) => {
                let (chain, encoding) = (chain.then(Step::Rewritten(&view)), encoding.max(Encoding::Split));
                self.look(&view.bytes, &view.joints, Wanted::Unspaced, encoding, &chain);
                self.decoded(&view.bytes, depth, &chain);
            }
            None => self.decoded(text, depth, chain),
        }
    }

    /// Looks at a text whose lines are joined, and without the escapes that were split.
    fn lines(&mut self, text: &[u8], encoding: Encoding, chain: &Chain<'_>) {
        let Some(view) = views::joined(text, Splits::Lines) else { return };
        let (chain, encoding) = (chain.then(Step::Rewritten(&view)), encoding.max(Encoding::Split));
        self.look(&view.bytes, &view.joints, Wanted::All, encoding, &chain);
        if let Some(view) = views::unescaped(&view.bytes) {
            self.look(&view.bytes, &[], Wanted::All, encoding, &chain.then(Step::Rewritten(&view)));
        }
    }

    fn decoded(&mut self, text: &[u8], depth: usize, chain: &Chain<'_>) {
        if depth >= MAX_DEPTH {
            return;
        }
        decode::each(text, |run, part| {
            let chain = chain.then(Step::Decoded(run));
            match part {
                Part::Bytes => self.look_for_held(&run.bytes, &[], run.encoding(), &chain),
                Part::Text => self.level(&run.bytes, depth + 1, run.encoding(), &chain),
            }
        });
    }

    fn look(&mut self, text: &[u8], joints: &[usize], wanted: Wanted, encoding: Encoding, chain: &Chain<'_>) {
        self.look_for_held(text, joints, encoding, chain);
        if self.scope == Scope::Everything {
            for shape in shapes::find(Joined { bytes: text, joints }, wanted) {
                self.note(shape.kind, None, (text, shape.range), encoding, chain);
            }
        }
    }

    fn look_for_held(&mut self, text: &[u8], joints: &[usize], encoding: Encoding, chain: &Chain<'_>) {
        for (range, number) in self.held.find(text, joints) {
            self.note(SecretKind::Known, Some(number), (text, range), encoding, chain);
        }
    }

    fn note(
        &mut self,
        kind: SecretKind,
        held: Option<usize>,
        (text, range): (&[u8], Range<usize>),
        encoding: Encoding,
        chain: &Chain<'_>,
    ) {
        let root = chain.root(range.clone());
        // What lies within what was found last says nothing new.
        if self.found.last().is_some_and(|last| {
            last.kind <= kind && last.held == held && last.range.start <= root.start && root.end <= last.range.end
        }) {
            return;
        }
        let fingerprint = Fingerprint::of(&text[range]);
        self.found.push(Finding { kind, encoding, range: root, fingerprint, held });
    }
}
