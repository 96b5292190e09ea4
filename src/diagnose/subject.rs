//! Narrowing a dossier to its subject: rows of others are left out.

use super::dossier::{Asked, Dossier};
use crate::api::report::Subject;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};

/// Leaves only what belongs to the subject.
pub fn narrow(dossier: &mut Dossier) {
    match dossier.wish.subject {
        Subject::All => {}
        Subject::Company(company) => of_company(dossier, company),
        Subject::Key(key) => of_key(dossier, key),
        Subject::Subscription(id) => of_subscription(dossier, id),
    }
}

fn retain<T>(asked: &mut Asked<Vec<T>>, keep: impl FnMut(&T) -> bool) {
    if let Ok(rows) = &mut asked.found {
        rows.retain(keep);
    }
}

/// Nothing is known of a subject that cannot be found.
fn nobody(dossier: &mut Dossier, why: &str) {
    fn forget<T>(asked: &mut Asked<T>, why: &str) {
        asked.found = Err(why.to_owned());
    }
    forget(&mut dossier.keys, why);
    forget(&mut dossier.subscriptions, why);
    forget(&mut dossier.refused, why);
    forget(&mut dossier.served, why);
    forget(&mut dossier.events, why);
    forget(&mut dossier.undelivered, why);
    forget(&mut dossier.limits, why);
    forget(&mut dossier.trips, why);
}

fn of_company(dossier: &mut Dossier, company: CompanyId) {
    retain(&mut dossier.keys, |row| row.company_id == company);
    retain(&mut dossier.subscriptions, |row| row.subscription.company_id == company);
    // A call without a key of ours may be anybody's: it stays unless its key claims another company.
    let mine = |row: &crate::api::requests::RequestRow| match (row.company_id, row.claimed_company_id) {
        (Some(of), _) => of == company,
        (None, claimed) => claimed.is_none_or(|of| of == company),
    };
    retain(&mut dossier.refused, mine);
    retain(&mut dossier.served, mine);
    retain(&mut dossier.events, |row| row.company_id == company);
    retain(&mut dossier.undelivered, |row| row.company_id == company);
    retain(&mut dossier.limits, |row| row.row.company_id == company);
    retain(&mut dossier.trips, |row| row.company_id == company);
}

fn of_key(dossier: &mut Dossier, id: KeyId) {
    let Some(key) = dossier.keys.found.as_ref().ok().and_then(|keys| keys.iter().find(|key| key.id == id)).cloned()
    else {
        let why = dossier.keys.found.as_ref().err().cloned().unwrap_or_else(|| format!("there is no key {id}"));
        nobody(dossier, &why);
        return;
    };
    of_company(dossier, key.company_id);
    let mine = |row: &crate::api::requests::RequestRow| match (row.key_id, &row.claimed_last4) {
        (Some(of), _) => of == id,
        (None, claimed) => claimed.as_ref().is_none_or(|last4| *last4 == key.last4),
    };
    retain(&mut dossier.refused, mine);
    retain(&mut dossier.served, mine);
    retain(&mut dossier.limits, |row| row.row.key_id == id);
}

fn of_subscription(dossier: &mut Dossier, id: SubscriptionId) {
    let found = dossier.subscriptions.found.as_ref();
    let company = found.map(|rows| rows.iter().find(|row| row.subscription.id == id));
    let company = match company {
        Ok(Some(row)) => row.subscription.company_id,
        Ok(None) => return nobody(dossier, &format!("there is no subscription {id}")),
        Err(why) => {
            let why = why.clone();
            return nobody(dossier, &why);
        }
    };
    of_company(dossier, company);
    retain(&mut dossier.subscriptions, |row| row.subscription.id == id);
    retain(&mut dossier.undelivered, |row| row.subscription_id == id);
    retain(&mut dossier.trips, |row| row.subscription_id == id);
}
