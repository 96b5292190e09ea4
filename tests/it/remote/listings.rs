//! A list of subscriptions with more pages than a round reads, or than the budget of a minute has calls for: what was read is shown, the pane
//! says that there are more, and the next rounds go on.

use super::{ALL, Console, RuntimeEnv, START, StandIn, TempDir, Watch, pass_until, post, until};
use crow::domain::ids::CompanyId;
use crow::sync::visibility::limitations;
use crow::wire::coverage::CoveredNoun;
use std::collections::BTreeMap;

const COMPANY: CompanyId = CompanyId(92);

/// A platform with 62 subscriptions on nine pages.
async fn platform(ambient: &RuntimeEnv) -> StandIn {
    let platform = StandIn::start(ambient).await;
    for id in 101..161 {
        platform.switch(id, true);
    }
    platform.lists(7);
    platform
}

fn unfinished(watch: &Watch) -> BTreeMap<CompanyId, usize> {
    let picture = watch.picture();
    let coverage = picture.overview.as_ref().and_then(|overview| overview.coverage.as_ref());
    let of = coverage.and_then(|coverage| coverage.of(CoveredNoun::Subscriptions));
    let lists = of.map(|of| of.unfinished.as_slice()).unwrap_or_default();
    lists.iter().map(|list| (list.company_id, usize::try_from(list.n_known).expect("a count"))).collect()
}

fn n_listed(watch: &Watch) -> usize {
    watch.picture().overview.as_ref().map_or(0, |overview| overview.subscriptions.items.len())
}

#[tokio::test]
async fn l4_a_long_list_of_subscriptions_is_read_over_rounds_and_shows_what_it_has() {
    let (ambient, dir) = (RuntimeEnv::scripted(START, 3), TempDir::new().expect("a directory"));
    let platform = platform(&ambient).await;
    platform.allows(6_000);
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    until("the first five pages", async || n_listed(&watch) == 35).await;
    assert_eq!(unfinished(&watch), BTreeMap::from([(COMPANY, 35)]));
    let picture = watch.picture();
    let coverage = picture.overview.as_ref().and_then(|overview| overview.coverage.as_ref());
    let said = limitations(coverage, CoveredNoun::Subscriptions);
    assert!(said.iter().any(|line| line.contains("company 92 goes on after the 35")), "{said:?}");
    pass_until(&ambient, &platform, "the other four", || n_listed(&watch) == 62).await;
    assert_eq!(unfinished(&watch), BTreeMap::new());
    // While the list is read anew, it is known to have been read to its end.
    platform.forgets(17);
    platform.forgets(160);
    pass_until(&ambient, &platform, "two are gone", || n_listed(&watch) == 60 && unfinished(&watch).is_empty()).await;
}

#[tokio::test]
async fn l4_a_list_of_subscriptions_with_more_pages_than_the_budget_has_calls_is_read_to_its_end() {
    let (ambient, dir) = (RuntimeEnv::scripted(START, 3), TempDir::new().expect("a directory"));
    let platform = platform(&ambient).await;
    platform.allows(40);
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let watch = Watch::begin(&post, &ambient);
    pass_until(&ambient, &platform, "some", || (1..62).contains(&n_listed(&watch))).await;
    assert_eq!(unfinished(&watch).get(&COMPANY), Some(&n_listed(&watch)));
    pass_until(&ambient, &platform, "all", || n_listed(&watch) == 62 && unfinished(&watch).is_empty()).await;
    assert!(platform.calls(ALL).iter().all(|(_, status)| *status != 429));
}

#[tokio::test]
async fn l4_a_list_of_subscriptions_that_refuses_to_go_on_shows_its_beginning_and_says_that_there_are_more() {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = platform(&ambient).await;
    platform.allows(6_000);
    platform.forgets_places();
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let console = Console::watching(&post, &ambient, (180, 50));
    console.press("3");
    let shown = ["com/17", "com/105", "MORE SUBSCRIPTIONS", "goes on after the 7 that were read", "more not read"];
    until(&format!("{shown:?}"), async || shown.iter().all(|part| console.shows(part))).await;
    console.quit().await;
}
