//! Secret scan: finds known secrets and everything shaped like a credential, in clear text and through the encodings in
//! which text travels: up to six layers of escapes of JSON, URLs, HTML and Markdown, quoted-printable, Base64 and
//! hexadecimal, up to three nested, and split over lines, strings and markup. Time is linear in the length of the text;
//! memory is bounded by [`CHUNK`].

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

/// Kind of a found secret, the most specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// A secret from the list of known secrets.
    Known,
    /// An API key of the platform.
    ApiKey,
    /// An operator token of the platform.
    OperatorToken,
    /// A signing secret with its prefix.
    SigningSecret,
    /// A private key in PEM format.
    PrivateKey,
    /// A key of a cloud provider.
    CloudKey,
    /// A token of a code host, messenger, payment or mail service.
    ServiceToken,
    /// A JSON Web Token (JWT).
    JsonWebToken,
    /// An authentication scheme with its credentials.
    Authorization,
    /// A user name and password before a host.
    UrlPassword,
    /// The value of something named password, secret, token or key.
    Assignment,
    /// Random bytes of a length that secrets have.
    RandomBytes,
}

impl SecretKind {
    /// Name of the kind with its article, for messages.
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

    /// Text that replaces a secret of this kind.
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

/// Encoding in which a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// Written in clear text, unencoded.
    Clear,
    /// Escaped for JSON, URLs, HTML, Markdown or quoted-printable.
    Escaped,
    /// Split over lines, strings or markup.
    Split,
    /// Encoded in Base64 of either alphabet.
    Base64,
    /// Encoded as a hexadecimal number.
    Hex,
}

impl Encoding {
    /// Name of the encoding on the wire.
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

    /// Looks up an encoding by its wire name.
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

/// Fingerprint of a secret: eight bytes of a SHA-256, which identify the secret without revealing it.
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

/// A secret found in a text, without the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Kind of the found secret.
    pub kind: SecretKind,
    /// Encoding in which the secret is written.
    pub encoding: Encoding,
    /// Byte range of the secret in the text.
    pub range: Range<usize>,
    /// Fingerprint by which an operator can release the finding.
    pub fingerprint: Fingerprint,
    /// Number of the known secret, as numbered by [`HeldSecrets`].
    pub held: Option<usize>,
}

/// Known secrets that are searched for besides the shapes of credentials.
pub trait HeldSecrets {
    /// Finds every known secret in a text, with its number. `joints` are the sorted offsets at which the text was
    /// joined.
    fn find(&self, text: &[u8], joints: &[usize]) -> Vec<(Range<usize>, usize)>;
}

/// Extent of a scan for secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Known secrets and shapes of credentials.
    Everything,
    /// Known secrets and nothing more.
    Held,
}

/// Error of a scan that was stopped before the end of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the search took too long")]
pub struct Interrupted;

/// Number of bytes scanned at once.
pub const CHUNK: usize = 256 * 1024;
/// Overlap of two chunks in bytes: longer than any secret to detect, encoded twice.
const OVERLAP: usize = 48 * 1024;
/// Maximum number of nested encodings that are decoded.
const MAX_DEPTH: usize = 3;
/// Maximum number of escape layers that are undone within one encoding.
const MAX_ESCAPES: usize = 6;

/// Scans a text for secrets. Overlapping findings are merged; findings are in text order.
#[must_use]
pub fn find(text: &[u8], held: &dyn HeldSecrets) -> Vec<Finding> {
    search(text, held, Scope::Everything, &|| true).unwrap_or_default()
}

/// Scans a text as long as `goes_on` returns true; it is called before every [`CHUNK`].
///
/// # Errors
/// [`Interrupted`] when `goes_on` returned false.
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

/// Finds runs of letters, digits, `_` and `-` that are at least `shortest` long.
#[must_use]
pub fn word_runs(text: &[u8], shortest: usize) -> Vec<Range<usize>> {
    decode::runs(text, shortest, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Returns whether a word mixes letters and digits as random text does: at least eight characters, and not a name
/// followed by a number.
#[must_use]
pub fn is_random_word(word: &[u8]) -> bool {
    judge::is_random_word(word)
}

/// Merges overlapping findings into one of the most specific kind.
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

/// Transformation by which a view was made from its parent.
#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Rewritten(&'a Rewritten),
    Decoded(&'a decode::Decoded),
}

/// Transformations from the original text to a view, to map ranges back.
#[derive(Clone, Copy)]
struct Chain<'a> {
    step: Step<'a>,
    parent: Option<&'a Chain<'a>>,
}

impl<'a> Chain<'a> {
    const fn then(&'a self, step: Step<'a>) -> Self {
        Chain { step, parent: Some(self) }
    }

    /// Maps a range of the view back to the original text.
    fn root(&self, range: Range<usize>) -> Range<usize> {
        let range = match self.step {
            Step::Root => range,
            Step::Rewritten(view) => view.source(&range),
            Step::Decoded(run) => run.source(&range),
        };
        self.parent.map_or(range.clone(), |parent| parent.root(range))
    }
}

/// State of a scan over one chunk.
struct Search<'a> {
    held: &'a dyn HeldSecrets,
    scope: Scope,
    found: Vec<Finding>,
}

impl Search<'_> {
    /// Scans a text, its quoted-printable decoding, and whatever is encoded in either.
    fn level(&mut self, text: &[u8], depth: usize, encoding: Encoding, chain: &Chain<'_>) {
        self.base(text, depth, encoding, chain);
        if let Some(view) = views::printable(text) {
            let chain = chain.then(Step::Rewritten(&view));
            self.base(&view.bytes, depth, encoding.max(Encoding::Escaped), &chain);
        }
    }

    /// Scans a text, its unescaped form, the joined lines of both, and their encoded runs.
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

    /// Scans a text with its lines joined, and then without the escapes that were split.
    fn lines(&mut self, text: &[u8], encoding: Encoding, chain: &Chain<'_>) {
        let Some(view) = views::joined(text, Splits::Lines) else { return };
        let (chain, encoding) = (chain.then(Step::Rewritten(&view)), encoding.max(Encoding::Split));
        self.look(&view.bytes, &view.joints, Wanted::All, encoding, &chain);
        if let Some(undone) = views::unescaped(&view.bytes) {
            let joints = undone.places(&view.joints);
            self.look(&undone.bytes, &joints, Wanted::All, encoding, &chain.then(Step::Rewritten(&undone)));
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
        // A finding inside the previous one of an equal or more specific kind adds nothing.
        if self.found.last().is_some_and(|last| {
            last.kind <= kind && last.held == held && last.range.start <= root.start && root.end <= last.range.end
        }) {
            return;
        }
        let fingerprint = Fingerprint::of(&text[range]);
        self.found.push(Finding { kind, encoding, range: root, fingerprint, held });
    }
}
