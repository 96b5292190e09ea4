//! Secret scan: searches an outgoing text for every secret of the platform. Keys and tokens are stored as hashes, so
//! every text with the form of one is hashed and looked up.

use super::credentials::{ApiKeyCache, OperatorTokenCache};
use super::error::Error;
use super::handle::Engine;
use super::handle::EngineInner;
use crate::domain::ids::{CompanyId, KeyId, OperatorId, SubscriptionId};
use crate::domain::key::KEY_SECRET_LENGTH;
use crate::domain::scan::finding::{HeldSecrets, SecretFinding};
use crate::domain::scan::{self, KnownSecrets, ScanInterrupted, ScanScope, is_random_word};
use crate::store;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Maximum duration of one scan.
const SCAN_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of hashes in one scan.
const MAX_HASHES: usize = 200_000;
/// Longest run of key characters in which a secret part is searched at every offset; longer runs are searched at
/// their start and joints.
const MAX_EXHAUSTIVE_RUN: usize = 128;

/// Owner of a secret found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOwner {
    /// Subscription with this signing secret, deleted ones included.
    Subscription(SubscriptionId),
    /// API key, revoked ones included.
    Key(KeyId),
    /// Operator that the token belongs to.
    Operator(OperatorId),
}

impl Engine {
    /// Searches a text for the platform's secrets; returns positions and owners in text order.
    ///
    /// # Errors
    /// [`Error::Contended`] when other work of this operator is running, or when the scan takes too long; [`Error`]
    /// when the database cannot be read.
    pub async fn scan_for_secrets(
        &self,
        operator: OperatorId,
        text: Vec<u8>,
    ) -> Result<Vec<(SecretFinding, SecretOwner)>, Error> {
        let permit = self.shared.work_gate.acquire(operator, &self.shared.ambient).await?;
        let sealed = self.shared.store.read(store::sealed_values::signing_secrets).await?;
        let ambient = self.shared.ambient.clone();
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let secrets =
                sealed.iter().map(|(id, sealed)| shared.vault.unseal(*id, sealed)).collect::<Result<Vec<_>, _>>()?;
            let held = PlatformSecrets {
                shared: &shared,
                signing: KnownSecrets::new(&secrets),
                companies: companies_with_keys(&shared.api_keys),
                owners: RefCell::new(sealed.iter().map(|(id, _)| SecretOwner::Subscription(*id)).collect()),
                n_hashed: Cell::new(0),
            };
            let begun = ambient.stopwatch();
            let goes_on = || begun.elapsed() < SCAN_TIMEOUT && held.n_hashed.get() < MAX_HASHES;
            let found = scan::search(&text, &held, ScanScope::KnownOnly, &goes_on)
                .map_err(|ScanInterrupted| Error::Contended)?;
            if held.n_hashed.get() >= MAX_HASHES {
                return Err(Error::Contended);
            }
            let owners = held.owners.into_inner();
            Ok(found
                .into_iter()
                .filter_map(|of| of.known.map(|at| (owners[at], of)))
                .map(|(owner, of)| (of, owner))
                .collect())
        };
        permit.run(work).await?
    }
}

/// Lists the companies that have keys.
fn companies_with_keys(keyring: &ApiKeyCache) -> Vec<CompanyId> {
    let mut companies: Vec<CompanyId> = keyring.all().iter().map(|key| key.company).collect();
    companies.sort_unstable();
    companies.dedup();
    companies
}

/// Lookup of all secrets of the platform, for one scan.
struct PlatformSecrets<'s> {
    shared: &'s EngineInner,
    signing: KnownSecrets,
    companies: Vec<CompanyId>,
    /// Owner of each secret number returned by the search.
    owners: RefCell<Vec<SecretOwner>>,
    n_hashed: Cell<usize>,
}

impl HeldSecrets for PlatformSecrets<'_> {
    fn find(&self, text: &[u8], joints: &[usize]) -> Vec<(Range<usize>, usize)> {
        let mut found = self.signing.find(text, joints);
        for run in scan::word_runs(text, KEY_SECRET_LENGTH) {
            self.search_run(text, run, joints, &mut found);
        }
        found
    }
}

impl PlatformSecrets<'_> {
    /// Searches every offset of a run at which a key, a token or the secret part of one may begin.
    fn search_run(&self, text: &[u8], run: Range<usize>, joints: &[usize], found: &mut Vec<(Range<usize>, usize)>) {
        for at in run.clone() {
            let rest = &text[at..run.end];
            let prefix = public_prefix_len(rest);
            if prefix > 0 && rest.len() >= prefix + KEY_SECRET_LENGTH {
                let range = at..at + prefix + KEY_SECRET_LENGTH;
                found.extend(self.owner_of(&text[range.clone()]).map(|owner| (range, self.owner_index(owner))));
            }
            let is_start = run.len() <= MAX_EXHAUSTIVE_RUN || at == run.start || joints.binary_search(&at).is_ok();
            let Some(tail) = rest.get(..KEY_SECRET_LENGTH).filter(|tail| is_start && is_random_word(tail)) else {
                continue;
            };
            let whole = |prefix: String| [prefix.as_bytes(), tail].concat();
            let prefixes = self.companies.iter().map(|company| format!("wlcro_live_{company}_"));
            let owner = prefixes.chain(["wlop_".to_owned()]).find_map(|prefix| self.owner_of(&whole(prefix)));
            found.extend(owner.map(|owner| (at..at + KEY_SECRET_LENGTH, self.owner_index(owner))));
        }
    }

    fn owner_of(&self, text: &[u8]) -> Option<SecretOwner> {
        if self.n_hashed.get() >= MAX_HASHES {
            return None;
        }
        self.n_hashed.set(self.n_hashed.get() + 1);
        let hash = self.shared.vault.hash(std::str::from_utf8(text).ok()?);
        let key = self.shared.api_keys.get(&hash).map(|key| SecretOwner::Key(key.id));
        key.or_else(|| operator_by_hash(&self.shared.operator_tokens, &hash).map(SecretOwner::Operator))
    }

    fn owner_index(&self, owner: SecretOwner) -> usize {
        let mut owners = self.owners.borrow_mut();
        owners.iter().position(|of| *of == owner).unwrap_or_else(|| {
            owners.push(owner);
            owners.len() - 1
        })
    }
}

fn operator_by_hash(tokens: &OperatorTokenCache, hash: &[u8; 32]) -> Option<OperatorId> {
    tokens.get(hash).map(|operator| operator.id)
}

/// Length of the public prefix of a key or token; 0 if `text` has none.
fn public_prefix_len(text: &[u8]) -> usize {
    if text.starts_with(b"wlop_") {
        return 5;
    }
    let Some(rest) = text.strip_prefix(b"wlcro_") else { return 0 };
    let rest = rest.strip_prefix(b"live_").unwrap_or(rest);
    let n_digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if n_digits == 0 || rest.get(n_digits) != Some(&b'_') { 0 } else { text.len() - rest.len() + n_digits + 1 }
}
