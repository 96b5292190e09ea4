//! Redaction: queries of targets often carry tokens, so their values are left out wherever they turn up.

use crate::api::bundle::Redaction;
use crate::domain::text::Untrusted;
use url::Url;

/// What stands where something was left out.
pub const REDACTED: &str = "REDACTED";

/// Leaves out the queries of some targets, and counts.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// Raw queries and what stands in their place, longest first.
    queries: Vec<(String, String)>,
    n_queries: u32,
    n_users: u32,
}

impl Redactor {
    /// One that knows the queries of these targets.
    #[must_use]
    pub fn new<'t>(targets: impl IntoIterator<Item = &'t Untrusted>) -> Self {
        let mut queries: Vec<(String, String)> = targets
            .into_iter()
            .filter_map(|target| target.raw().split_once('?'))
            .map(|(_, query)| query.split('#').next().unwrap_or_default())
            .filter(|query| !query.is_empty())
            .map(|query| (format!("?{query}"), format!("?{}", names(query))))
            .collect();
        queries.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        queries.dedup();
        Self { queries, n_queries: 0, n_users: 0 }
    }

    /// The text without the queries.
    pub fn clean(&mut self, text: &Untrusted) -> Untrusted {
        let mut clean = text.raw().to_owned();
        for (query, names) in &self.queries {
            let n = clean.matches(query.as_str()).count();
            if n > 0 {
                clean = clean.replace(query.as_str(), names);
                self.n_queries += u32::try_from(n).unwrap_or(u32::MAX);
            }
        }
        Untrusted::new(clean)
    }

    /// A target without its query, user name and password.
    pub fn target(&mut self, target: &Untrusted) -> Untrusted {
        let Ok(mut url) = Url::parse(target.raw()) else { return self.clean(target) };
        if !url.username().is_empty() || url.password().is_some() {
            // Refused only by URLs that cannot have either.
            let _ = url.set_username(REDACTED);
            let _ = url.set_password(None);
            self.n_users += 1;
            return self.clean(&Untrusted::new(String::from(url)));
        }
        self.clean(target)
    }

    /// The text without the queries, as one line that is inert.
    pub fn inert(&mut self, text: &str) -> String {
        self.clean(&Untrusted::new(text)).inert()
    }

    /// What was left out, and how often.
    #[must_use]
    pub fn redactions(&self) -> Vec<Redaction> {
        let all = [("values of a target's query", self.n_queries), ("users and passwords of a target", self.n_users)];
        let some = all.into_iter().filter(|(_, n)| *n > 0);
        some.map(|(what, n)| Redaction { what: what.to_owned(), n }).collect()
    }
}

/// A query with its values left out.
fn names(query: &str) -> String {
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) => format!("{name}={REDACTED}"),
        None => REDACTED.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_query_are_left_out_wherever_it_turns_up() {
        let target = Untrusted::new("https://hooks.example/in?token=abc&v=2");
        let mut redactor = Redactor::new([&target]);
        assert_eq!(redactor.target(&target).raw(), "https://hooks.example/in?token=REDACTED&v=REDACTED");
        let error = "cannot reach https://hooks.example/in?token=abc&v=2: refused".into();
        assert_eq!(
            redactor.clean(&error).raw(),
            "cannot reach https://hooks.example/in?token=REDACTED&v=REDACTED: refused"
        );
        assert_eq!(redactor.redactions()[0].n, 2);
    }

    #[test]
    fn a_query_without_names_and_a_user_with_a_password_are_left_out_whole() {
        let target = Untrusted::new("https://me:secret@hooks.example/in?deadbeef");
        let mut redactor = Redactor::new([&target]);
        assert_eq!(redactor.target(&target).raw(), "https://REDACTED@hooks.example/in?REDACTED");
        assert_eq!(redactor.redactions().iter().map(|of| of.n).sum::<u32>(), 2);
    }

    #[test]
    fn a_target_without_a_query_stays_as_it_is() {
        let target = Untrusted::new("https://hooks.example/in");
        let mut redactor = Redactor::new([&target]);
        assert_eq!(redactor.target(&target), target);
        assert_eq!(redactor.redactions(), []);
    }
}
