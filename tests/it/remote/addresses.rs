//! How the real binary finds a platform: over TLS with a private authority, under a path, and named by the environment.

use super::processes::Home;
use crate::support::faults::certificates::{Authority, Kind};
use crate::support::platform::Platform;
use crate::support::wire::Wire;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;

/// A gateway that serves the platform under `/crm/v2` and nothing elsewhere.
async fn gateway(platform: &str) -> String {
    let to = platform.to_owned();
    let forward = async move |request: Request| -> Response {
        let url = format!("{to}{}", request.uri());
        let mut call = crow::client::connection::bare_http_client().expect("a client").get(url);
        for name in ["authorization", "x-api-key"] {
            if let Some(value) = request.headers().get(name) {
                call = call.header(name, value);
            }
        }
        match call.send().await {
            Ok(came) => {
                let status = StatusCode::from_u16(came.status().as_u16()).expect("a status");
                (status, came.bytes().await.expect("a body")).into_response()
            }
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    };
    let router = Router::new().nest("/crm/v2", Router::new().fallback(forward));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_platform_under_a_path_and_behind_a_private_authority_is_used_by_arguments_environment_and_profile() {
    let platform = Platform::lively().await;
    platform.company("Acme").await;
    let authority = Authority::named("private authority");
    let wire = Wire::to(&gateway(&platform.address).await, Some(authority.server(Kind::Good))).await;
    let home = Home::new();
    std::fs::write(home.path("token"), platform.token().reveal()).expect("written");
    let ca = authority.file().display().to_string();
    let token = home.path("token").display().to_string();
    let list = ["keys", "list", "--json"];
    let listed = |came: &std::process::Output| {
        let document: Result<Value, _> = serde_json::from_slice(&came.stdout);
        came.status.code() == Some(0) && document.is_ok_and(|document| document.is_object())
    };
    for slash in ["", "/"] {
        let url = format!("https://localhost:{}/crm/v2{slash}", wire.port);
        let named = ["--url", &url, "--token-file", &token];
        let came = home.ask(&[&list[..], &named, &["--trust-ca", &ca]].concat()).await;
        assert!(listed(&came), "{}", text(&came.stderr));
        let came = home.ask(&[&list[..], &named].concat()).await;
        assert_ne!(came.status.code(), Some(0), "an authority that is not named is not trusted");

        let mut command = home.crow(&[&list[..], &["--trust-ca", &ca]].concat());
        command.env("CROW_URL", &url).env("CROW_TOKEN_FILE", &token);
        let came = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
        assert!(listed(&came), "{}", text(&came.stderr));
    }
    let url = format!("https://localhost:{}/crm/v2", wire.port);
    let add = ["profile", "add", "crm", "--url", &url, "--token-file", &token, "--keep", "file", "--trust-ca", &ca];
    let came = home.ask(&add).await;
    assert_eq!(came.status.code(), Some(0), "{}", text(&came.stderr));
    let mut command = home.crow(&list);
    command.env("CROW_PROFILE", "crm");
    let came = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    assert!(listed(&came), "{}", text(&came.stderr));
    let came = home.ask(&["profile", "show", "crm"]).await;
    assert!(text(&came.stdout).contains(&ca), "{}", text(&came.stdout));

    for (bad, why) in [("https://u:p@localhost/crm", "user name"), ("https://localhost/crm?a=b", "query")] {
        let came = home.ask(&[&list[..], &["--url", bad, "--token-file", &token]].concat()).await;
        assert!(came.status.code() == Some(2) && text(&came.stderr).contains(why), "{bad}: {}", text(&came.stderr));
    }
    let mut command = home.crow(&list);
    command.env("CROW_PROFILE", "crm").env("CROW_URL", &url);
    let came = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    assert!(came.status.code() == Some(2) && text(&came.stderr).contains("both set"), "{}", text(&came.stderr));
}
