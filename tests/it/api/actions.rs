//! The nine actions and the searches: what they publish, and what they find.

use super::Partner;
use crow::domain::scope::KeyScope;
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
async fn searches_find_by_each_parameter_and_by_all_together() {
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
async fn a_search_returns_the_newest_of_several_matches() {
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
async fn a_company_cannot_read_or_change_another_companys_records() {
    let partner = Partner::start().await;
    let lead = partner.created("/integrations/leads", ada()).await;
    let stranger = partner.platform.company("Globex").await;
    let foreign = partner.platform.key(&stranger, &KeyScope::ALL).await;
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
