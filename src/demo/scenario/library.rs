//! Library of all fault scenarios: written ones and generated ones.

use super::generated;
use super::script::ScenarioScript;

/// Texts of the written scenarios in `assets/scenarios`.
const SCENARIO_TEXTS: [&str; 37] = [
    include_str!("../../../assets/scenarios/healthy.toml"),
    include_str!("../../../assets/scenarios/key-revoked.toml"),
    include_str!("../../../assets/scenarios/key-truncated.toml"),
    include_str!("../../../assets/scenarios/key-spaces.toml"),
    include_str!("../../../assets/scenarios/key-wrong-company.toml"),
    include_str!("../../../assets/scenarios/key-unknown.toml"),
    include_str!("../../../assets/scenarios/key-wrong-header.toml"),
    include_str!("../../../assets/scenarios/scope-missing.toml"),
    include_str!("../../../assets/scenarios/other-company.toml"),
    include_str!("../../../assets/scenarios/sub-disabled.toml"),
    include_str!("../../../assets/scenarios/breaker-tripped.toml"),
    include_str!("../../../assets/scenarios/type-not-subscribed.toml"),
    include_str!("../../../assets/scenarios/endpoint-private.toml"),
    include_str!("../../../assets/scenarios/endpoint-slow.toml"),
    include_str!("../../../assets/scenarios/endpoint-500.toml"),
    include_str!("../../../assets/scenarios/endpoint-refused.toml"),
    include_str!("../../../assets/scenarios/endpoint-dns.toml"),
    include_str!("../../../assets/scenarios/endpoint-tls-expired.toml"),
    include_str!("../../../assets/scenarios/endpoint-redirects.toml"),
    include_str!("../../../assets/scenarios/quiet-company.toml"),
    include_str!("../../../assets/scenarios/sig-wrong-secret.toml"),
    include_str!("../../../assets/scenarios/sig-reserialised.toml"),
    include_str!("../../../assets/scenarios/sig-newline.toml"),
    include_str!("../../../assets/scenarios/sig-no-dot.toml"),
    include_str!("../../../assets/scenarios/sig-decoded-secret.toml"),
    include_str!("../../../assets/scenarios/sig-stale-clock.toml"),
    include_str!("../../../assets/scenarios/rate-polling.toml"),
    include_str!("../../../assets/scenarios/rate-shared-key.toml"),
    include_str!("../../../assets/scenarios/rate-bulk.toml"),
    include_str!("../../../assets/scenarios/events-filtered.toml"),
    include_str!("../../../assets/scenarios/events-no-scope.toml"),
    include_str!("../../../assets/scenarios/events-not-happened.toml"),
    include_str!("../../../assets/scenarios/breaker-fixed.toml"),
    include_str!("../../../assets/scenarios/managed-zapier.toml"),
    include_str!("../../../assets/scenarios/lost-secret.toml"),
    include_str!("../../../assets/scenarios/bulk-contended.toml"),
    include_str!("../../../assets/scenarios/channel-gap.toml"),
];

/// Lists all scenarios: the written ones, the healthy one first, then the generated ones.
///
/// # Errors
/// [`toml_edit::de::Error`] for a malformed scenario, which a test rules out.
pub fn parse_all() -> Result<Vec<ScenarioScript>, toml_edit::de::Error> {
    let mut scripts = parse_written()?;
    scripts.extend(generated::generate());
    Ok(scripts)
}

/// Parses the written scenarios, the healthy one first, then in the order of the playbooks.
///
/// # Errors
/// [`toml_edit::de::Error`] for a malformed scenario, which a test rules out.
pub fn parse_written() -> Result<Vec<ScenarioScript>, toml_edit::de::Error> {
    SCENARIO_TEXTS.into_iter().map(toml_edit::de::from_str).collect()
}

#[cfg(test)]
mod tests {
    use super::super::script::ScenarioStep;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_script_is_read_and_names_only_who_takes_part() {
        let scripts = parse_all().expect("they are well formed");
        let names: BTreeSet<&str> = scripts.iter().map(|script| script.name.as_str()).collect();
        assert_eq!(names.len(), scripts.len());
        assert!(scripts.len() >= 75, "{}", scripts.len());
        assert_eq!(
            scripts.iter().filter(|script| script.cause.is_none()).map(|of| &*of.name).collect::<Vec<_>>(),
            ["healthy", "quiet-company", "events-not-happened"]
        );
        assert!(scripts.iter().all(|of| of.remark.is_none() || of.cause.is_none()));
        for script in &scripts {
            let keys: Vec<&str> = script.keys.iter().map(|key| key.name.as_str()).collect();
            let receivers: Vec<&str> = script.receivers.iter().map(|part| part.name.as_str()).collect();
            assert!(script.story.len() > 40, "{}", script.name);
            for act in &script.acts {
                let (key, receiver) = match act {
                    ScenarioStep::Subscribe { key, to, .. } => (Some(key), Some(to)),
                    ScenarioStep::Call(call) => (Some(&call.key), None),
                    ScenarioStep::Revoke { key } => (Some(key), None),
                    ScenarioStep::Disable { of, .. }
                    | ScenarioStep::Enable { of }
                    | ScenarioStep::Test { of }
                    | ScenarioStep::Mend { of } => (None, Some(of)),
                    ScenarioStep::Emit { .. } | ScenarioStep::Settle {} => (None, None),
                };
                assert!(key.is_none_or(|key| keys.contains(&key.as_str())), "{}: {act:?}", script.name);
                assert!(receiver.is_none_or(|name| receivers.contains(&name.as_str())), "{}: {act:?}", script.name);
            }
        }
    }
}
