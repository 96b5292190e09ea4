//! The audit trail: it can be read, and whatever is done to it shows.

use super::{Scene, ids};
use rusqlite::Connection;
use serde_json::{Value, json};

async fn check_after(sql: &'static str) -> Value {
    let mut scene = Scene::new().await;
    for name in ["Globex", "Initech", "Umbrella"] {
        scene.platform.company(name).await;
    }
    let page = scene.get("/portal/v1/audit?limit=2").await;
    assert_eq!((ids(&page), &page["hasMore"]), (vec![5, 4], &json!(true)));
    assert_eq!(scene.get("/portal/v1/audit/verify").await["isWhole"], true);
    scene.platform = scene
        .platform
        .restart_after(|dir| {
            let connection = Connection::open(dir.join("platform.db")).expect("a database");
            connection.execute_batch(sql).expect("it is done");
        })
        .await;
    scene.token = scene.platform.token();
    scene.get("/portal/v1/audit/verify").await
}

#[tokio::test]
async fn an_unchanged_audit_trail_verifies_after_a_restart() {
    let check = check_after("SELECT 1").await;
    assert_eq!((&check["isWhole"], &check["nRows"]), (&json!(true), &json!(5)));
}

#[tokio::test]
async fn a_deleted_row_is_named() {
    let check = check_after("DELETE FROM audit WHERE id = 3").await;
    assert_eq!(check["isWhole"], false);
    assert_eq!(check["missing"], json!([{"first": 3, "last": 3}]));
    let check = check_after("DELETE FROM audit WHERE id >= 4").await;
    assert_eq!(check["missing"], json!([{"first": 4, "last": 5}]), "the end too");
}

#[tokio::test]
async fn an_edited_row_is_named() {
    let check = check_after("UPDATE audit SET actor = 'nobody' WHERE id = 4").await;
    assert_eq!((&check["altered"], &check["missing"]), (&json!([4]), &json!([])));
}

#[tokio::test]
async fn reordered_rows_are_named() {
    let check = check_after("UPDATE audit SET id = -1 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = -1").await;
    assert_eq!(check["altered"], json!([3, 4, 5]));
}
