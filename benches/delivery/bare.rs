//! Bare sender: the same requests to the same receiver on kept connections, each with its own signature, and the row of
//! an attempt written for each in shared commits. That is the least that a sender which signs and logs can do.

use super::receiver::Receiver;
use super::{Platform, bare_database};
use crow::clock::RuntimeEnv;
use crow::database::Database;
use crow::database::error::Error;
use crow::database::options::JobPriority;
use crow::domain::secret::Secret;
use crow::domain::signature;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, params};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Requests to send: to where, on how many connections, and how many.
pub(crate) struct BareLoad {
    pub(crate) path: String,
    pub(crate) n_flights: usize,
    pub(crate) n: usize,
}

/// Sends the requests and returns their number a second.
pub(crate) async fn bare(receiver: &Receiver, load: &BareLoad) -> f64 {
    let platform = Platform::start(&[]).await;
    let database = bare_database::open_copy(platform.dir.path(), 1);
    let ambient = RuntimeEnv::real();
    let watch = ambient.stopwatch();
    let mut senders = JoinSet::new();
    for sender in 0..load.n_flights {
        let (database, address, ambient) = (database.clone(), receiver.address, ambient.clone());
        let (uri, numbers) = (format!("/{}", load.path), (sender..load.n).step_by(load.n_flights));
        senders.spawn(async move {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
            tokio::spawn(connection);
            let secret = Secret::new("whsec_0123456789abcdef0123456789abcdef".to_owned());
            for number in numbers {
                bare_delivery(&mut requests, &database, (&secret, &uri), (number, ambient.now().seconds())).await;
            }
        });
    }
    senders.join_all().await;
    let rate = load.n as f64 / watch.elapsed().as_secs_f64();
    platform.end().await;
    rate
}

async fn bare_delivery(
    requests: &mut http1::SendRequest<Full<Bytes>>,
    database: &Database,
    (secret, uri): (&Secret, &str),
    (number, now): (usize, i64),
) {
    let id = i64::try_from(number).expect("few");
    let body = format!(
        r#"{{"id":{id},"type":"lead.created","createdUtc":"2026-11-23T14:02:31.000Z","companyId":1,"payload":{{"clientId":{id},"firstName":"Ada","lastName":"Byron","email":"ada@example.com","phone":"+15550100","statusId":10,"status":"Lead - New","source":"Website"}}}}"#
    );
    let headers = [
        ("host", "127.0.0.1".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("x-wlcro-timestamp", now.to_string()),
        ("x-wlcro-signature", signature::sign(secret, now, body.as_bytes())),
        ("x-wlcro-event-id", id.to_string()),
    ];
    let mut request = hyper::Request::post(uri).body(Full::new(Bytes::from(body))).expect("a request");
    for (name, value) in &headers {
        request.headers_mut().append(*name, HeaderValue::try_from(value).expect("a header"));
    }
    requests.ready().await.expect("an open connection");
    let response = requests.send_request(request).await.expect("an answer");
    let status = response.status().as_u16();
    let answer = response.into_body().collect().await.expect("a body").to_bytes();
    let insert = move |connection: &Connection| {
        connection
            .prepare_cached(
                "INSERT INTO attempts (company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at,
                     elapsed_ms, status, request_headers, response_headers, response_body, n_response_bytes)
                 VALUES (1, 1, 'http://127.0.0.1/ok', ?1, ?1, 'lead.created', 'scheduled', 1, ?2, 1, ?3, ?4, '[]', ?5, 0)",
            )?
            .execute(params![id, now, status, format!("{headers:?}"), &answer[..]])?;
        Ok::<_, Error>(())
    };
    database.write(JobPriority::Low, insert).await.expect("written");
}
