//! Pages that are longer than an answer may be: one large row hides no neighbour, and fewer rows are asked for where the page is the trouble.

use super::{ALL, ClientCredential, Console, PlatformClient, RuntimeEnv, Secret, StandIn, TempDir, post, until};
use axum::extract::Request;
use axum::response::IntoResponse as _;
use crow::wire::log::RequestQuery;
use serde_json::json;
use std::collections::BTreeMap;

const MIB: usize = 1024 * 1024;

fn event(id: i64, at: crow::domain::time::Timestamp, n: usize) -> String {
    let note = "x".repeat(n);
    format!(r#"{{"id":{id},"type":"lead.created","createdUtc":"{at}","companyId":92,"payload":{{"note":"{note}"}}}}"#)
}

#[tokio::test]
async fn r3_an_oversized_event_hides_no_other_event_and_is_counted() {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    for id in 1..8 {
        platform.happens(id, "payment.failed", ambient.now());
    }
    platform.happens_oddly(8, &event(8, ambient.now(), 9 * MIB), ambient.now());
    platform.happens(9, "payment.failed", ambient.now());
    platform.pages(20);
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let console = Console::watching(&post, &ambient, (180, 50));
    console.press("5");
    let seen = async || {
        let neighbours = ["1", "7", "9"].iter().all(|id| console.shows(&format!(" {id} ")));
        neighbours && console.shows("1 row could not be read") && console.shows("bytes, which was not kept")
    };
    until("its neighbours, and that it is one", seen).await;
    assert!(console.shows("LIVE"), "{}", console.text());
    console.quit().await;
}

#[tokio::test]
async fn an_oversized_page_is_requested_again_with_fewer_rows() {
    let (ambient, dir) = (RuntimeEnv::real(), TempDir::new().expect("a directory"));
    let platform = StandIn::start(&ambient).await;
    platform.allows(6_000);
    for id in 1..13 {
        platform.happens_oddly(id, &event(id, ambient.now(), MIB), ambient.now());
    }
    platform.pages(20);
    let post = post(&platform.address, &[("Zapier", ALL)], &ambient, dir.path());
    let console = Console::watching(&post, &ambient, (180, 50));
    console.press("5");
    until("all twelve", async || (1..13).all(|id| console.shows(&format!(" {id} "))) && console.shows("LIVE")).await;
    assert!(!console.shows("could not be read"), "{}", console.text());
    console.quit().await;
}

/// A log of 30 requests of half a MiB, of which one has 9 MiB.
async fn log(request: Request) -> axum::response::Response {
    let query: BTreeMap<String, usize> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('=').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?))))
        .collect();
    let (from, limit) = (query.get("cursor").copied().unwrap_or(0), query.get("limit").copied().unwrap_or(50));
    let until = (from + limit).min(30);
    let items: Vec<_> = (from..until)
        .map(|id| {
            let detail = "x".repeat(if id == 7 { 9 * MIB } else { MIB / 2 });
            json!({ "id": id, "utc": "2026-11-24T08:00:00.000Z", "keyId": null, "companyId": null, "last4": null, "method": "GET",
                "route": "/api/v1/events", "status": 200, "code": null, "detail": detail, "requestId": "r", "elapsedMs": 1 })
        })
        .collect();
    let next = (until < 30).then(|| until.to_string());
    axum::Json(json!({ "items": items, "nextCursor": next, "previousCursor": null, "hasMore": until < 30, "lastHour": [], "unlogged": [] }))
        .into_response()
}

#[tokio::test]
async fn r3_a_portal_log_with_an_oversized_row_is_read_to_its_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = axum::Router::new().fallback(log);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    let client =
        PlatformClient::new(&address, ClientCredential::Operator(Secret::new("token".to_owned()))).expect("a client");
    let (mut ids, mut cursor, mut n_unreadable) = (Vec::new(), None, 0);
    loop {
        let page = client.log_page(&RequestQuery::default(), cursor.as_deref(), 200).await.expect("a page").page;
        ids.extend(page.items.iter().map(|row| row.id));
        n_unreadable += page.unreadable.n;
        let remark = page.unreadable.summary_line().unwrap_or_default();
        assert!(page.unreadable.n == 0 || remark.contains("bytes, which was not kept"), "{remark}");
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((ids, n_unreadable), ((0..30).filter(|id| *id != 7).collect::<Vec<i64>>(), 1));
    serving.abort();
}
