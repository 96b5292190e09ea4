//! The contract, sentence by sentence: each file of `tests/data/conformance` is a chapter whose steps run in order on one platform. A step names
//! the sentence that it checks, makes a call, and says what must come back. Adding a sentence needs no Rust.

use super::{Partner, often};
use crate::support::platform::Answer;
use crow::domain::scope::KeyScope;
use crow::wire::changes::{self, NoBody};
use crow::wire::keys::RequestedLimits;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A chapter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chapter {
    step: Vec<Step>,
}

/// Step of a conformance file: a call and the expected answer. `<n>` in a body means n letters, `{name}` a value kept
/// by an earlier step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// The sentence.
    says: String,
    /// Method and path.
    call: String,
    /// Holder of the credential: `key`, `scope:NAME`, `limited`, `revoked`, `foreign`, `token`, `viewer`, `nobody`.
    /// Without it, the path decides.
    by: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    /// Milliseconds by which the clock is moved before the call.
    #[serde(default)]
    after_ms: u64,
    /// Number of calls made before the call whose answer is compared.
    #[serde(default)]
    times: u32,
    status: u16,
    /// JSON pointers and values; a text may have `*` for anything.
    #[serde(default)]
    is: BTreeMap<String, toml::Value>,
    /// Texts that stand in the answer to the letter.
    #[serde(default)]
    has: Vec<String>,
    /// JSON pointers to nothing.
    #[serde(default)]
    lacks: Vec<String>,
    /// The fields that are named as wrong, no more and no fewer.
    errors: Option<Vec<String>>,
    /// Headers of the answer; an empty value means that there is none.
    #[serde(default)]
    replies: BTreeMap<String, String>,
    /// Names under which values at JSON pointers are kept for later steps.
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

/// The credentials of a chapter.
struct Cast {
    partner: Partner,
    known: BTreeMap<String, (&'static str, String)>,
    kept: BTreeMap<String, String>,
}

impl Cast {
    async fn new() -> Self {
        let partner = Partner::start().await;
        let mut known = BTreeMap::new();
        let mut key = |name: &str, key: &str| known.insert(name.to_owned(), ("x-api-key", key.to_owned()));
        key("key", partner.key.reveal());
        for scope in KeyScope::ALL {
            let narrow = partner.platform.key_with(&partner.company, &[scope], often()).await;
            key(&format!("scope:{scope}"), narrow.reveal());
        }
        let limited = partner.platform.key_with(&partner.company, &KeyScope::ALL, RequestedLimits::default()).await;
        key("limited", limited.reveal());
        let stranger = partner.platform.company("Globex").await;
        key("foreign", partner.platform.key_with(&stranger, &KeyScope::ALL, often()).await.reveal());
        let revoked = partner.platform.key_with(&partner.company, &KeyScope::ALL, often()).await;
        key("revoked", revoked.reveal());
        let operator = partner.platform.operator();
        let rows = operator.keys().await.expect("rows").items;
        let row = rows.iter().find(|row| row.last4.raw() == revoked.last4()).expect("its row");
        operator.change(changes::REVOKE_KEY.at(row.id), &NoBody {}).await.expect("revoked");
        let bearer = format!("Bearer {}", partner.platform.token().reveal());
        let new = r#"{"name":"Vera","role":"viewer"}"#;
        let headers = [super::JSON, ("authorization", bearer.as_str())];
        let viewer = partner.platform.call("POST", "/portal/v1/operators", &headers, Some(new)).await.json();
        let viewer = format!("Bearer {}", viewer["token"].as_str().expect("a token"));
        known.insert("token".to_owned(), ("authorization", bearer));
        known.insert("viewer".to_owned(), ("authorization", viewer));
        let company = partner.company.id.to_string();
        Self { partner, known, kept: BTreeMap::from([("company".to_owned(), company)]) }
    }

    /// A text with what was kept, and with letters for their numbers.
    fn spelled(&self, text: &str) -> String {
        let kept =
            self.kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        let mut out = String::new();
        let mut rest = kept.as_str();
        while let Some((before, after)) = rest.split_once('<') {
            let Some((n, after)) = after.split_once('>').and_then(|(n, after)| Some((n.parse().ok()?, after))) else {
                out += before;
                out.push('<');
                rest = after;
                continue;
            };
            out += before;
            out += &"x".repeat(n);
            rest = after;
        }
        out + rest
    }

    async fn make(&self, step: &Step) -> Answer {
        let call = self.spelled(&step.call);
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let usual = match path {
            path if path.starts_with("/api/") => "key",
            path if path.starts_with("/portal/") => "token",
            _ => "nobody",
        };
        let by = step.by.as_deref().unwrap_or(usual);
        let body = step.body.as_deref().map(|body| self.spelled(body));
        let mut headers: Vec<(String, String)> =
            step.headers.iter().map(|(name, value)| (name.clone(), self.spelled(value))).collect();
        if by != "nobody" {
            let (name, value) = self.known.get(by).unwrap_or_else(|| panic!("nobody is called {by}"));
            headers.push(((*name).to_owned(), value.clone()));
        }
        if body.is_some() && !step.headers.contains_key("content-type") {
            headers.push((super::JSON.0.to_owned(), super::JSON.1.to_owned()));
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.partner.platform.call(method, path, &headers, body.as_deref()).await
    }

    async fn run(&mut self, step: &Step) -> Result<(), String> {
        if step.after_ms > 0 {
            self.partner.platform.advance(Duration::from_millis(step.after_ms));
        }
        for _ in 0..step.times {
            self.make(step).await;
        }
        let answer = self.make(step).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != step.status {
            return Err(format!("{} instead of {}: {text}", answer.status, step.status));
        }
        for (name, wanted) in &step.replies {
            let found = answer.header(name);
            if !fits(found, wanted) {
                return Err(format!("the header {name} is {found:?} instead of {wanted:?}"));
            }
        }
        if let Some(absent) = step.has.iter().find(|wanted| !text.contains(wanted.as_str())) {
            return Err(format!("{absent} does not stand in {text}"));
        }
        let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        self.judge(step, &json).map_err(|why| format!("{why}: {text}"))?;
        for (name, pointer) in &step.keep {
            let value = json.pointer(pointer).ok_or_else(|| format!("there is no {pointer}: {text}"))?;
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            self.kept.insert(name.clone(), value);
        }
        if answer.status >= 400 {
            let header = answer.header("x-request-id");
            if header.is_empty() || json["requestId"] != header || json["status"] != answer.status {
                return Err(format!("this is no problem with a request id: {text}"));
            }
        }
        Ok(())
    }

    fn judge(&self, step: &Step, json: &Value) -> Result<(), String> {
        for (pointer, wanted) in &step.is {
            let found = json.pointer(pointer).ok_or_else(|| format!("there is no {pointer}"))?;
            let holds = match (wanted, found) {
                (toml::Value::String(wanted), Value::String(found)) => fits(found, &self.spelled(wanted)),
                (toml::Value::String(wanted), Value::Number(found)) => fits(&found.to_string(), &self.spelled(wanted)),
                _ => serde_json::to_value(wanted).is_ok_and(|wanted| wanted == *found),
            };
            if !holds {
                return Err(format!("{pointer} is {found} instead of {wanted}"));
            }
        }
        if let Some(there) =
            step.lacks.iter().find(|pointer| json.pointer(pointer).is_some_and(|value| !value.is_null()))
        {
            return Err(format!("there is {there}"));
        }
        if let Some(fields) = &step.errors {
            let named: Vec<&String> =
                json["errors"].as_object().map(|errors| errors.keys().collect()).unwrap_or_default();
            if json["code"] != "validation_failed" || named != fields.iter().collect::<Vec<_>>() {
                return Err(format!("{named:?} are named instead of {fields:?}"));
            }
        }
        Ok(())
    }
}

/// Checks whether a text matches an expected one, in which `*` means any text.
fn fits(found: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

async fn chapter(name: &str, text: &str) {
    let chapter: Chapter = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut cast = Cast::new().await;
    let mut faults = Vec::new();
    for step in &chapter.step {
        if let Err(why) = cast.run(step).await {
            faults.push(format!(
                "“{}”, {} by {}: {why}",
                step.says,
                step.call,
                step.by.as_deref().unwrap_or("the usual")
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{name}: {} of {} do not hold:\n{}",
        faults.len(),
        chapter.step.len(),
        faults.join("\n")
    );
}

macro_rules! chapters {
    ($($name:ident)+) => {
        $(#[tokio::test]
        async fn $name() {
            let text = include_str!(concat!("../../data/conformance/", stringify!($name), ".toml"));
            chapter(stringify!($name), text).await;
        })+

        #[test]
        fn every_conformance_file_is_run() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/conformance");
            let mut files: Vec<String> = std::fs::read_dir(folder).expect("the chapters").map(|entry| {
                entry.expect("readable").file_name().to_string_lossy().trim_end_matches(".toml").to_owned()
            }).collect();
            files.sort();
            assert_eq!(files, [$(stringify!($name)),+]);
        }
    };
}

chapters! { actions conventions events keys portal searches subscriptions windows }
