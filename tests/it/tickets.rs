//! `crow escalate` as a command: what it says beside the ticket, and what it refuses.

use crate::support::serving::Serving;
use crow::domain::scope::KeyScope;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey};

#[tokio::test]
async fn a_ticket_without_a_cause_says_so_beside_it_for_every_subject() {
    let serving = Serving::start(&[]);
    let operator = serving.operator();
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    let new =
        NewKey { company_id: company.id, name: "Job".to_owned(), scopes: vec![KeyScope::EventsRead], limits: None };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key");
    let (company, key) = (company.id.to_string(), key.row.id.to_string());
    let subjects: [(&str, &[&str]); 3] =
        [("the whole platform", &[]), ("company ", &["--company", &company]), ("key ", &["--key", &key])];
    for (position, (name, about)) in subjects.iter().enumerate() {
        let out = serving.folder().join(format!("ticket-{position}")).display().to_string();
        let written = serving.ask(&[&["escalate", "--out", &out], *about].concat());
        let said = String::from_utf8_lossy(&written.stderr).into_owned();
        assert_eq!(written.status.code(), Some(0), "the platform gave data for the ticket: {said}");
        let open = format!("crow: no active cause was found for {name}");
        assert!(said.contains(&open) && said.contains("not decided: "), "{said}");
        assert_eq!(said.contains("calls without a readable key"), !about.is_empty(), "{said}");
        let ticket = std::fs::read_to_string(format!("{out}/ticket.md")).expect("a ticket");
        for line in said.lines().filter_map(|line| line.strip_prefix("crow: ")) {
            let words = line.split_once(':').map_or(line, |(before, _)| before);
            assert!(ticket.contains(words), "{words} is not in\n{ticket}");
        }
    }
}
