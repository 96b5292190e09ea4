//! Problem documents of refusals for the request log: the members that the log has no column for, and the document put
//! together again.

use super::request_context::looks_like_secret;
use crate::domain::log::LoggedRequest;
use crate::wire::problem::{Problem, ProblemCode, map_texts};
use serde_json::{Map, Value};

/// Replaces a member that may be secret or has no space.
const MASK: &str = "…";
/// Maximum number of characters of a problem's text in the log.
const MAX_DETAIL_CHARS: usize = 300;
/// Maximum size of the logged members of a problem, as JSON, in bytes.
pub const MAX_MEMBER_BYTES: usize = 1_024;
/// Maximum number of members that are logged.
const MAX_MEMBERS: usize = 16;
/// Maximum length of the name of a logged member, in bytes.
const MAX_NAME_BYTES: usize = 32;

/// Returns a problem's text for the log, up to 300 characters and `…` where it is cut; `None` if it may be secret.
#[must_use]
pub fn logged_detail(problem: &Problem) -> Option<String> {
    let mut detail: String = problem.detail.chars().take(MAX_DETAIL_CHARS).collect();
    if detail.len() < problem.detail.len() {
        detail.push_str(MASK);
    }
    (!looks_like_secret(&problem.detail)).then_some(detail)
}

/// Returns the members of a problem that depend on its code as a JSON object within [`MAX_MEMBER_BYTES`]. A text or a
/// name that may be secret becomes `…`, and so does a member that has no space.
#[must_use]
pub fn logged_members(problem: &Problem) -> String {
    let known = problem.extra.iter().filter(|(name, _)| name.len() <= MAX_NAME_BYTES).take(MAX_MEMBERS);
    let known = map_texts(&known.map(|(name, value)| (name.clone(), value.clone())).collect(), &mut shown);
    let mut members: Map<String, Value> = known.keys().map(|name| (name.clone(), Value::from(MASK))).collect();
    for (name, value) in known {
        members.insert(name.clone(), value);
        if Value::Object(members.clone()).to_string().len() > MAX_MEMBER_BYTES {
            members.insert(name, Value::from(MASK));
        }
    }
    Value::Object(members).to_string()
}

fn shown(text: &str) -> String {
    if looks_like_secret(text) { MASK } else { text }.to_owned()
}

/// Puts the problem document of a logged refusal together; `None` for other answers and for rows of earlier versions.
#[must_use]
pub fn logged_problem(of: &LoggedRequest) -> Option<Map<String, Value>> {
    let (members, name) = (of.problem_members.as_deref()?, of.code.as_deref()?);
    let code: ProblemCode = serde_json::from_value(name.into()).ok()?;
    let document = Problem {
        detail: of.detail.clone().unwrap_or_else(|| MASK.to_owned()),
        request_id: of.request_id.clone(),
        extra: serde_json::from_str(members).ok()?,
        ..Problem::new(code, "")
    };
    match serde_json::to_value(document) {
        Ok(Value::Object(document)) => Some(document),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_problem_is_put_together_as_it_was_answered() {
        let problem = Problem::new(ProblemCode::ValidationFailed, "targetUrl must be https")
            .with("errors", json!({"targetUrl": ["must be https"]}));
        let problem = Problem { request_id: "req_1".to_owned(), ..problem };
        let logged = LoggedRequest {
            status: problem.status,
            code: Some("validation_failed".to_owned()),
            detail: logged_detail(&problem),
            problem_members: Some(logged_members(&problem)),
            request_id: problem.request_id.clone(),
            ..LoggedRequest::default()
        };
        assert_eq!(Some(&logged_problem(&logged).expect("a document")), json!(problem).as_object());
        assert_eq!(logged_problem(&LoggedRequest { problem_members: None, ..logged }), None, "of an earlier version");
    }

    #[test]
    fn what_may_be_secret_is_masked_and_what_is_cut_is_marked() {
        let secret = "wlcro_live_92_0123456789";
        let problem = Problem::new(ProblemCode::ValidationFailed, format!("{secret}: unknown field"))
            .with("errors", json!({ secret: [secret, "plain"] }))
            .with("limit", 20);
        assert_eq!(logged_detail(&problem), None);
        assert_eq!(logged_members(&problem), r#"{"errors":{"…":["…","plain"]},"limit":20}"#);
        let long = Problem::new(ProblemCode::NotFound, "ä".repeat(301));
        assert_eq!(logged_detail(&long), Some("ä".repeat(300) + "…"));
    }

    proptest! {
        #[test]
        fn members_of_any_size_end_at_the_limit(members in prop::collection::hash_map(".{0,40}", ".{0,900}", 0..40)) {
            let problem = members.iter().fold(Problem::new(ProblemCode::NotFound, ""), |problem, (name, value)| {
                problem.with(name, value.as_str())
            });
            let logged = logged_members(&problem);
            prop_assert!(logged.len() <= MAX_MEMBER_BYTES, "{}", logged.len());
        }
    }
}
