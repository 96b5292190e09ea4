//! Reviews with hostile names: nothing in them may become markup, and the page asks for nothing.

use super::{html, markdown};
use crate::diagnose::review::{
    ActionCount, DisabledSubscription, IdleScopes, KeyAge, PlatformReview, ReviewDay, ReviewHeader, ReviewPeriod,
    SecretAge, SubscriptionSuccess,
};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId, TripId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::trips::{CauseCount, TripRow};

const HOSTILE: &str = "<script src=http://evil.example></script>|`*_[x](http://evil.example)\n# big\u{1b}[2J\u{202e}";

fn review(name: &str) -> PlatformReview {
    let at = Timestamp::parse("2026-11-01T00:00:00Z").expect("a date");
    let name = Untrusted::new(name);
    let key = KeyAge {
        id: KeyId(7),
        company_id: CompanyId(3),
        name: name.clone(),
        last4: "x81Q".into(),
        last_used_utc: None,
        days: 97,
    };
    PlatformReview {
        frame: ReviewHeader {
            platform: "http://127.0.0.1:7700".to_owned(),
            crow: "1".to_owned(),
            period: ReviewPeriod::Month,
            since_utc: Timestamp::parse("2026-10-02T00:00:00Z").expect("a date"),
            until_utc: at,
            last_utc: None,
        },
        n_keys: 2,
        n_subscriptions: 1,
        unused: vec![key.clone()],
        idle_scopes: vec![IdleScopes { id: KeyId(7), name: name.clone(), scopes: vec!["admin".to_owned()] }],
        success: vec![SubscriptionSuccess {
            id: SubscriptionId(1),
            company_id: CompanyId(3),
            target_url: name.clone(),
            n_ok: 3,
            n_failed: 7,
            percent: Some(30),
        }],
        trips: vec![TripRow {
            id: TripId(1),
            subscription_id: SubscriptionId(1),
            company_id: CompanyId(3),
            target_url: name.clone(),
            tripped_utc: at,
            causes: Some(vec![CauseCount { cause: name.clone(), n: 20 }]),
            enabled_utc: None,
            enabled_by: None,
            n_missed: Some(4),
        }],
        off: vec![DisabledSubscription {
            id: SubscriptionId(1),
            company_id: CompanyId(3),
            target_url: name.clone(),
            reason: "circuit_breaker".to_owned(),
            note: Some("<b>they</b> move".into()),
            since_utc: Some(at),
            n_skipped: Some(4),
        }],
        due_keys: vec![key],
        secrets: vec![SecretAge { id: SubscriptionId(1), target_url: name.clone(), days: 400 }],
        days: vec![
            ReviewDay { utc: at, n_ok: 90, n_failed: 10, n_requests: 500, n_limited: 5, n_server_errors: 0 },
            ReviewDay { utc: at, n_ok: 0, n_failed: 1, n_requests: 0, n_limited: 0, n_server_errors: 0 },
        ],
        acted: vec![ActionCount { action: name, n: 2 }],
        changes: Vec::new(),
        unknown: Vec::new(),
    }
}

#[test]
fn a_page_asks_for_nothing_and_runs_nothing() {
    let page = html::write_html(&review(HOSTILE));
    for part in ["<script", "src=", "href=", "url(", "@import", "<img", "<link", "<iframe", "onload"] {
        let shown = page.replace("&lt;script src=http", "");
        assert!(!shown.contains(part), "{part}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("<svg") && page.contains("&lt;script"));
    assert!(!page.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
    assert!(page.contains("11-01: 90 succeeded, 10 failed"), "a bar says its numbers");
    // One failure among a hundred attempts is seen.
    assert_eq!(page.matches("fill=\"var(--bad)\"").count(), 4, "two bars, two legends");
}

#[test]
fn a_cell_of_markdown_is_not_left_from_within() {
    let text = markdown::write_markdown(&review(HOSTILE));
    let n_columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut head = 0;
    for line in text.lines() {
        if line.starts_with("|---") {
            head = n_columns(line);
        } else if line.starts_with('|') && head > 0 {
            assert_eq!(n_columns(line), head, "{line}");
        } else {
            head = 0;
        }
    }
    assert!(!text.lines().any(|line| line.starts_with("# big")));
    assert!(text.contains("## Low success") && text.contains("30 %"), "{text}");
}

#[test]
fn what_changed_is_said_both_ways() {
    let (now, mut last) = (review("Acme"), review("Acme"));
    assert_eq!(now.differences_from(&last), [""; 0]);
    last.unused.clear();
    last.n_keys = 3;
    assert_eq!(now.differences_from(&last), ["new: unused key 7 (Acme)", "active keys: 2, before 3"]);
    assert_eq!(last.differences_from(&now)[0], "gone: unused key 7 (Acme)");
    let told = PlatformReview {
        frame: ReviewHeader { last_utc: Some(last.frame.until_utc), ..now.frame.clone() },
        changes: now.differences_from(&last),
        ..now
    };
    assert!(
        markdown::write_markdown(&told).contains("- new: unused key 7 (Acme)")
            && html::write_html(&told).contains("new: unused key 7")
    );
}
