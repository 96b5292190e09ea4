//! Acts on keys, deliveries, events and configurations; looking at one company.

use super::fixture::{Bench, overview};
use super::found::found;
use crate::api::keys::Company;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, DeliveryId, KeyId, SubscriptionId};
use crate::monitor::logs::Ask;
use crate::tui::app::Msg;
use crate::tui::console::Access;
use crate::tui::effect::{Act, Effect, Finished, Job};
use crate::tui::theme::Look;

/// Presses keys and answers what is fetched; the acts that were asked for.
fn acts(bench: &mut Bench, keys: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for key in keys.chars() {
        let effects = bench.press(&key.to_string());
        bench.answer_pages();
        for effect in effects {
            match effect {
                Effect::Perform(Job::Fetch(item)) => {
                    bench.tell(Msg::Finished(Finished::Fetched(item, Ok(Box::new(found(item))))));
                }
                Effect::Perform(Job::Act(act)) => acts.push(act),
                _ => {}
            }
        }
    }
    acts
}

#[test]
fn keys_are_revoked_deliveries_resent_and_events_emitted_after_a_yes() {
    for (keys, act) in [
        ("2x\ny", Act::Revoke(KeyId(1))),
        ("6x\ny", Act::Revoke(KeyId(1))),
        ("4jx\ny", Act::Resend(DeliveryId(1_577))),
        ("5x\ny", Act::Emit(CompanyId(92), EventType::DocumentUploaded)),
    ] {
        let mut bench = Bench::new(120, 36);
        assert_eq!(acts(&mut bench, keys), [act], "{keys:?}");
        let mut bench = Bench::new(120, 36);
        assert_eq!(acts(&mut bench, &keys.replace('y', "n")), [], "{keys:?}");
        let mut bench = Bench::with(120, 36, Access::ReadOnly, Look::default());
        assert_eq!(acts(&mut bench, keys), [], "{keys:?}");
    }
}

#[test]
fn revoking_says_who_will_be_cut_off_and_is_void_when_somebody_else_did_it() {
    let mut bench = Bench::new(120, 36);
    acts(&mut bench, "2x\n");
    let screen = bench.screen();
    for words in ["Really revoke key 1?", "118 calls", "says who calls"] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    acts(&mut bench, "n\u{1b}\nx\n");
    assert!(bench.screen().contains("Zapier at 203.0.113.9"), "{}", bench.screen());
    let mut next = overview();
    next.cursor += 1;
    next.keys.items[0].revoked_utc = Some(bench.now);
    bench.show(next);
    assert_eq!(acts(&mut bench, "y"), []);
    assert!(bench.screen().contains("key 1 is revoked already"), "{}", bench.screen());
}

#[test]
fn an_earlier_configuration_is_brought_back_from_its_line() {
    let mut bench = Bench::new(120, 60);
    acts(&mut bench, "3j\n");
    let line = bench.screen().lines().position(|line| line.contains("→ bring revision 1 back")).expect("the line");
    acts(&mut bench, &"j".repeat(line - 2));
    assert_eq!(acts(&mut bench, "\n"), []);
    assert!(bench.screen().contains("Really bring revision 1 of subscription 23 back?"), "{}", bench.screen());
    assert_eq!(acts(&mut bench, "y"), [Act::RollBack(SubscriptionId(23), 1)]);
}

#[test]
fn one_company_is_looked_at_everywhere() {
    let mut bench = Bench::new(120, 36);
    let mut both = overview();
    both.cursor += 1;
    both.keys.items[2].company_id = CompanyId(93);
    both.subscriptions.items.truncate(2);
    both.subscriptions.total = 2;
    both.subscriptions.items[1].subscription.company_id = CompanyId(93);
    bench.show(both);
    assert_eq!(bench.press("C"), [Effect::Perform(Job::Companies)]);
    assert!(bench.screen().contains("fetching"));
    let company = |id, name: &str| Company { id: CompanyId(id), name: name.into(), created_utc: bench.now };
    let companies = vec![company(92, "Acme"), company(93, "Globex\u{1b}[2J")];
    bench.tell(Msg::Finished(Finished::Companies(Ok(companies))));
    assert!(bench.screen().contains("93  Globex\u{241b}[2J"), "{}", bench.screen());
    bench.press("jj\n");
    assert_eq!(bench.app.company, Some(CompanyId(93)));
    let screen = bench.screen();
    assert!(screen.contains("company 93") && screen.contains("api.globex.example"), "{screen}");
    assert!(!screen.contains("hooks.acme.example/orders  ") && !screen.contains("Zapier Production"), "{screen}");
    bench.press("8");
    let asked = bench.asked.iter().any(|ask| matches!(ask, Ask::Requests(query, _) if query.company == Some(93)));
    assert!(asked, "{:?}", bench.asked);
    bench.press("C");
    bench.tell(Msg::Finished(Finished::Companies(Err("refused".to_owned()))));
    assert!(bench.screen().contains("could not be fetched: refused"));
    bench.press("\n\u{1b}");
    assert_eq!(bench.app.company, Some(CompanyId(93)), "nothing is chosen from a list that did not come");
}
