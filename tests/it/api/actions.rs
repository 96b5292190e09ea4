//! The nine actions and the searches, each row beside the sentence of the contract that it checks.

use super::Partner;
use crow::domain::key::Scope;
use serde_json::{Value, json};

fn ada() -> Value {
    json!({"first_name": "Ada", "last_name": "Byron", "email": "Ada@Example.com", "phone": "+1 (555) 010-0000", "external_id": "crm-1"})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

impl Partner {
    async fn created(&self, path: &str, body: Value) -> i64 {
        self.expect("POST", path, body, 201).await["client_id"].as_i64().expect("an id")
    }

    async fn found(&self, query: &str) -> Vec<Value> {
        let found = self.expect("GET", &format!("/integrations/{query}"), Value::Null, 200).await;
        found["items"].as_array().expect("a list").clone()
    }
}

/// A sentence of the contract, a call and what it answers: the status, and members of the answer. `<n>` stands for n letters.
type Row = (&'static str, &'static str, &'static str, &'static str, u16, &'static str);

/// They run in order on one platform: client 1 is a lead, client 2 a client, affiliate 1 exists.
const ROWS: &[Row] = &[
    (
        "Create Lead → `Lead - New` [D]",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"+1 (555) 010-0000","external_id":"crm-1"}"#,
        201,
        r#"{"client_id":1,"status":"Lead - New"}"#,
    ),
    (
        "the same `external_id` … → 200 with the existing record",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"+1 (555) 010-0000","external_id":"crm-1"}"#,
        200,
        r#"{"client_id":1}"#,
    ),
    (
        "Create Client → `Client - Active` unless given",
        "POST",
        "/integrations/clients",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com"}"#,
        201,
        r#"{"client_id":2,"status":"Client - Active"}"#,
    ),
    (
        "required: first_name, last_name, email",
        "POST",
        "/integrations/clients",
        r#"{"first_name":"Bo","last_name":"Li"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"email":[]}}"#,
    ),
    (
        "Email: one `@`",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"a@b@c","phone":"+1 (555) 010-0000","external_id":"crm-1"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"email":[]}}"#,
    ),
    (
        "Email: … ≤ 254",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"<253>@b","phone":"+1 (555) 010-0000","external_id":"crm-1"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"email":[]}}"#,
    ),
    (
        "phone: `+` and digits, spaces, dashes, parentheses",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"555.010","external_id":"crm-1"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"phone":[]}}"#,
    ),
    (
        "phone: … ≤ 32",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"555555555555555555555555555555555","external_id":"crm-1"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"phone":[]}}"#,
    ),
    (
        "state 2–50",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"+1 (555) 010-0000","external_id":"crm-1","state":"T"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"state":[]}}"#,
    ),
    (
        "zip ≤ 10",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"+1 (555) 010-0000","external_id":"crm-1","zip":"12345678901"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"zip":[]}}"#,
    ),
    (
        "Both names and ids given must agree",
        "POST",
        "/integrations/clients",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","status":"Client - Paused","status_id":42}"#,
        400,
        r#"{"code":"validation_failed","errors":{"status_id":[]}}"#,
    ),
    (
        "Both names and ids given must agree",
        "POST",
        "/integrations/clients",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","status":"Client - Paused","status_id":43}"#,
        201,
        r#"{"client_id":3,"status":"Client - Paused"}"#,
    ),
    (
        "`lead.created` if its status is a Lead one",
        "POST",
        "/integrations/clients",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","status_id":11}"#,
        201,
        r#"{"client_id":4,"status":"Lead - Contacted"}"#,
    ),
    (
        "the same `external_id` … instead of a second one",
        "POST",
        "/integrations/leads",
        r#"{"first_name":"Ada","last_name":"Byron","email":"Ada@Example.com","phone":"+1 (555) 010-0000","external_id":"crm-1","affiliate_id":99}"#,
        200,
        r#"{"client_id":1}"#,
    ),
    (
        "affiliate_id",
        "POST",
        "/integrations/clients",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","affiliate_id":99}"#,
        400,
        r#"{"code":"validation_failed","errors":{"affiliate_id":[]}}"#,
    ),
    (
        "Create Affiliate → 201 affiliate_id",
        "POST",
        "/integrations/affiliates",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","commission_rate":12.5,"external_id":"aff-1"}"#,
        201,
        r#"{"affiliate_id":1}"#,
    ),
    (
        "the same `external_id` in the same company and entity → 200",
        "POST",
        "/integrations/affiliates",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","external_id":"aff-1"}"#,
        200,
        r#"{"affiliate_id":1}"#,
    ),
    (
        "commission_rate",
        "POST",
        "/integrations/affiliates",
        r#"{"first_name":"Bo","last_name":"Li","email":"bo@example.com","commission_rate":100.5}"#,
        400,
        r#"{"code":"validation_failed","errors":{"commission_rate":[]}}"#,
    ),
    (
        "Update Affiliate: at least one field",
        "PATCH",
        "/integrations/affiliates/1",
        "{}",
        400,
        r#"{"code":"validation_failed","errors":{"body":[]}}"#,
    ),
    (
        "Update Affiliate: … is_approved_affiliate",
        "PATCH",
        "/integrations/affiliates/1",
        r#"{"is_approved_affiliate":true}"#,
        200,
        r#"{"success":true,"affiliate_id":1}"#,
    ),
    (
        "null clears an optional field",
        "PATCH",
        "/integrations/affiliates/1",
        r#"{"phone":null,"commission_rate":null}"#,
        200,
        r#"{"success":true}"#,
    ),
    (
        "null clears an optional field",
        "PATCH",
        "/integrations/affiliates/1",
        r#"{"email":null}"#,
        400,
        r#"{"code":"validation_failed","errors":{"email":[]}}"#,
    ),
    ("unknown id", "PATCH", "/integrations/affiliates/9", r#"{"phone":null}"#, 404, r#"{"code":"not_found"}"#),
    (
        "Update Lead: at least one field",
        "PATCH",
        "/integrations/leads/1",
        r#"{"nothing":1}"#,
        400,
        r#"{"code":"validation_failed","errors":{"body":[]}}"#,
    ),
    (
        "Update Lead → success, updated_utc, client_id",
        "PATCH",
        "/integrations/leads/1",
        r#"{"city":"Austin","state":"TX","zip":"73301","employee_id":7,"affiliate_id":1}"#,
        200,
        r#"{"success":true,"client_id":1}"#,
    ),
    (
        "Update Lead on a non-lead: 404",
        "PATCH",
        "/integrations/leads/2",
        r#"{"city":"Austin"}"#,
        404,
        r#"{"code":"not_found"}"#,
    ),
    (
        "Update Client: as Update Lead",
        "PATCH",
        "/integrations/clients/2",
        r#"{"phone":"555-010-1111","external_id":"crm-2"}"#,
        200,
        r#"{"client_id":2}"#,
    ),
    (
        "`external_id` is the advised dedupe",
        "PATCH",
        "/integrations/clients/2",
        r#"{"external_id":"crm-1"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"external_id":[]}}"#,
    ),
    (
        "null clears an optional field",
        "PATCH",
        "/integrations/clients/2",
        r#"{"first_name":null}"#,
        400,
        r#"{"code":"validation_failed","errors":{"first_name":[]}}"#,
    ),
    (
        "new_status or new_status_id",
        "PATCH",
        "/integrations/leads/1/status",
        r#"{"status_note":"?"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"new_status":[]}}"#,
    ),
    (
        "Update Lead Status must stay in a Lead status, else 400 [D]",
        "PATCH",
        "/integrations/leads/1/status",
        r#"{"new_status_id":42}"#,
        400,
        r#"{"code":"validation_failed","errors":{"new_status":[]}}"#,
    ),
    (
        "Update Lead Status → previous_status, new_status",
        "PATCH",
        "/integrations/leads/1/status",
        r#"{"new_status":"Lead - Qualified","new_status_id":12,"status_note":"called"}"#,
        200,
        r#"{"previous_status":"Lead - New","new_status":"Lead - Qualified"}"#,
    ),
    (
        "Lead → Client also `client.created`",
        "PATCH",
        "/integrations/clients/1/status",
        r#"{"new_status":"Client - Active"}"#,
        200,
        r#"{"previous_status":"Lead - Qualified","new_status":"Client - Active"}"#,
    ),
    (
        "Update Lead on a non-lead: 404",
        "PATCH",
        "/integrations/leads/1/status",
        r#"{"new_status_id":11}"#,
        404,
        r#"{"code":"not_found"}"#,
    ),
    (
        "a status change → `client.status_changed`; no change, no event",
        "PATCH",
        "/integrations/clients/1/status",
        r#"{"new_status_id":42}"#,
        200,
        r#"{"previous_status":"Client - Active","new_status":"Client - Active"}"#,
    ),
    (
        "Add Client Note → 201 client_note_id",
        "POST",
        "/integrations/clients/1/notes",
        r#"{"text":"hello","visibility":"client","external_id":"n-1"}"#,
        201,
        r#"{"client_note_id":1}"#,
    ),
    (
        "the same `external_id` … → 200",
        "POST",
        "/integrations/clients/1/notes",
        r#"{"text":"again","external_id":"n-1"}"#,
        200,
        r#"{"client_note_id":1}"#,
    ),
    (
        "the same `external_id` … another client's",
        "POST",
        "/integrations/clients/2/notes",
        r#"{"text":"again","external_id":"n-1"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"external_id":[]}}"#,
    ),
    (
        "text (≤ 10,000)",
        "POST",
        "/integrations/clients/1/notes",
        r#"{"text":"<10000>"}"#,
        201,
        r#"{"client_note_id":2}"#,
    ),
    (
        "text (≤ 10,000)",
        "POST",
        "/integrations/clients/1/notes",
        r#"{"text":"<10001>"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"text":[]}}"#,
    ),
    (
        "visibility (`internal`, `client`)",
        "POST",
        "/integrations/clients/1/notes",
        r#"{"text":"x","visibility":"all"}"#,
        400,
        r#"{"code":"validation_failed","errors":{"visibility":[]}}"#,
    ),
    ("unknown id", "POST", "/integrations/clients/99/notes", r#"{"text":"x"}"#, 404, r#"{"code":"not_found"}"#),
];

fn spelled_out(text: &str) -> Value {
    let long =
        [253, 10_000, 10_001].iter().fold(text.to_owned(), |text, n| text.replace(&format!("<{n}>"), &"x".repeat(*n)));
    serde_json::from_str(&long).expect("JSON")
}

#[tokio::test]
async fn each_sentence_about_actions_holds() {
    let partner = Partner::start().await;
    for (sentence, method, path, body, status, members) in ROWS {
        let asked = format!("“{sentence}”: {method} {path} {body}");
        let (body, members) = (spelled_out(body), spelled_out(members));
        let answer = partner.call(method, path, body).await;
        assert_eq!(answer.status, *status, "{asked}: {}", String::from_utf8_lossy(&answer.body));
        let answer = answer.json();
        for (name, member) in members.as_object().expect("an object") {
            match (name.as_str(), member.as_object()) {
                ("errors", Some(fields)) => {
                    assert_eq!(
                        answer[name].as_object().map(|errors| errors.keys().collect::<Vec<_>>()),
                        Some(fields.keys().collect()),
                        "{asked}"
                    );
                }
                _ => assert_eq!(&answer[name], member, "{asked}: {answer}"),
            }
        }
    }
    let told: Vec<String> = partner.told().await.into_iter().map(|(kind, _)| kind).collect();
    let expected = [
        "lead.created",
        "client.created",
        "client.created",
        "lead.created",
        "affiliate.created",
        "client.status_changed",
        "client.status_changed",
        "client.created",
    ];
    assert_eq!(told, expected, "one event for each change, none for what was refused or there already");
}

#[tokio::test]
async fn events_of_actions_have_the_documented_fields() {
    let partner = Partner::start().await;
    let affiliate = json!({"first_name": "Al", "last_name": "Fi", "email": "al@example.com"});
    partner.expect("POST", "/integrations/affiliates", affiliate, 201).await;
    let lead = partner
        .created("/integrations/leads", with(with(ada(), "source", json!("Website")), "affiliate_id", json!(1)))
        .await;
    let change = json!({"new_status_id": 42, "changed_by_employee_id": 3, "status_note": "signed"});
    partner.expect("PATCH", &format!("/integrations/clients/{lead}/status"), change, 200).await;
    let at = partner.platform.ambient.now().to_rfc3339_seconds();
    let expected = [
        (
            "affiliate.created",
            json!({"employee_id": 1, "full_name": "Al Fi", "email": "al@example.com", "phone": null, "is_approved_affiliate": false, "created_date": at}),
        ),
        (
            "lead.created",
            json!({"client_id": lead, "first_name": "Ada", "last_name": "Byron", "email": "Ada@Example.com", "phone": "+1 (555) 010-0000", "status": "Lead - New", "status_id": 10, "source": "Website", "created_date": at}),
        ),
        (
            "client.status_changed",
            json!({"client_id": lead, "previous_status": "Lead - New", "new_status": "Client - Active", "changed_date": at, "changed_by_employee_id": 3, "status_note": "signed"}),
        ),
        (
            "client.created",
            json!({"client_id": lead, "first_name": "Ada", "last_name": "Byron", "email": "Ada@Example.com", "phone": "+1 (555) 010-0000", "status": "Client - Active", "status_id": 42, "employee_id": null, "employee_name": null, "affiliate_id": 1, "created_date": at}),
        ),
    ];
    assert_eq!(partner.told().await, expected.map(|(kind, payload)| (kind.to_owned(), payload)));
}

#[tokio::test]
async fn searches_find_by_each_trait_and_by_all_of_them() {
    let partner = Partner::start().await;
    partner
        .expect(
            "POST",
            "/integrations/affiliates",
            json!({"first_name": "Al", "last_name": "Fi", "email": "al@example.com"}),
            201,
        )
        .await;
    let lead = partner.created("/integrations/leads", with(ada(), "affiliate_id", json!(1))).await;
    let client = partner
        .created("/integrations/clients", json!({"first_name": "Bo", "last_name": "Li", "email": "bo@example.com"}))
        .await;
    let cases = [
        ("clients/search?email=ADA%40example.COM".to_owned(), vec![lead]),
        ("clients/find?email=ada@example.com".to_owned(), vec![lead]),
        ("leads/search?phone=1-555-0100000".to_owned(), vec![lead]),
        ("leads/search?phone=%2B15550100000&email=ada@example.com&external_id=crm-1".to_owned(), vec![lead]),
        ("leads/search?phone=5550100000".to_owned(), vec![]),
        (format!("clients/search?client_id={client}"), vec![client]),
        (format!("leads/search?client_id={client}"), vec![]),
        (format!("clients/search?client_id={client}&email=ada@example.com"), vec![]),
        ("clients/search?external_id=crm-1&unknown=1".to_owned(), vec![lead]),
        ("clients/search?external_id=CRM-1".to_owned(), vec![]),
    ];
    for (query, expected) in cases {
        let ids: Vec<i64> =
            partner.found(&query).await.iter().map(|record| record["client_id"].as_i64().expect("an id")).collect();
        assert_eq!(ids, expected, "{query}");
    }
    let record = json!({
        "client_id": lead, "first_name": "Ada", "last_name": "Byron", "full_name": "Ada Byron", "email": "Ada@Example.com", "phone": "+1 (555) 010-0000",
        "status": "Lead - New", "status_id": 10, "status_name": "Lead - New", "employee_id": null, "employee_name": null, "affiliate_id": 1,
        "affiliate_name": "Al Fi", "created_utc": partner.platform.ambient.now().to_rfc3339_seconds(),
    });
    assert_eq!(partner.found("clients/search?external_id=crm-1").await, [record]);
}

#[tokio::test]
async fn where_several_share_an_address_the_newest_that_fits_is_found() {
    let partner = Partner::start().await;
    let body = json!({"first_name": "Bo", "last_name": "Li", "email": "bo@example.com"});
    let lead = partner.created("/integrations/leads", body.clone()).await;
    let client = partner.created("/integrations/clients", body).await;
    let id =
        async |query| partner.found(query).await.iter().map(|record| record["client_id"].clone()).collect::<Vec<_>>();
    assert_eq!(id("clients/search?email=bo@example.com").await, [json!(client)]);
    assert_eq!(id("leads/search?email=bo@example.com").await, [json!(lead)]);
}

#[tokio::test]
async fn companies_do_not_meet() {
    let partner = Partner::start().await;
    let lead = partner.created("/integrations/leads", ada()).await;
    let stranger = partner.platform.company("Globex").await;
    let foreign = partner.platform.key(&stranger, &Scope::ALL).await;
    for (method, path, body) in [
        ("PATCH", format!("/integrations/leads/{lead}"), json!({"city": "Austin"})),
        ("PATCH", format!("/integrations/clients/{lead}/status"), json!({"new_status_id": 42})),
        ("POST", format!("/integrations/clients/{lead}/notes"), json!({"text": "x"})),
    ] {
        let refused = partner.call_as(&foreign, method, &path, body).await;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("other_company")), "{path}");
    }
    let found =
        partner.call_as(&foreign, "GET", "/integrations/clients/search?email=ada@example.com", Value::Null).await;
    assert_eq!(found.json()["items"], json!([]));
    let own = partner.call_as(&foreign, "POST", "/integrations/leads", ada()).await;
    assert_eq!(own.status, 201, "the same external_id in another company is another record");
}
