//! Secrets in what a ticket is made of: masked in their place, or held back with the place named.

use super::*;

#[test]
fn a_planted_secret_is_masked_in_its_place_and_the_rest_of_the_text_stays() {
    let shaped = format!("wlcro_live_92_{}", "Zz9".repeat(15));
    for planted in [
        SIGNING.to_owned(),
        SIGNING.replace('=', "%3D"),
        format!("{}\n{}", &SIGNING[..10], &SIGNING[10..]),
        hex::encode(SIGNING),
        shaped,
    ] {
        let said = format!("upstream said {planted} at the end");
        let made =
            built(&IncidentEvidence { failures: known(vec![failure(1, 500, &said)]), ..case() }).expect("it is masked");
        let body = made.ticket().failures[0].body.clone().expect("a body");
        assert!(body.starts_with("upstream said [redacted ") && body.ends_with("] at the end"), "{body}");
        let n: u32 = made.manifest().redactions.iter().map(|of| of.n).sum();
        assert!(n >= 3, "{:?}", made.manifest().redactions);
        for file in made.files() {
            assert!(!file.text.as_str().contains(&planted[..8]), "{}", file.name);
        }
    }
}

#[test]
fn a_secret_planted_in_any_outside_text_is_masked() {
    let plants: [fn(&mut IncidentEvidence); 12] = [
        |case| case.reports[0].causes[0].title = SIGNING.to_owned(),
        |case| case.reports[0].causes[0].evidence[0].value = SIGNING.into(),
        |case| case.reports[0].causes[0].evidence[0].query = SIGNING.to_owned(),
        |case| case.reports[0].causes[0].resolution = SIGNING.to_owned(),
        |case| case.reports[0].steps[0].verdict = CheckVerdict::Unknown(SIGNING.to_owned()),
        |case| {
            case.subscriptions.found.as_mut().expect("rows")[0].subscription.target_url =
                format!("https://x.example/{SIGNING}").into();
        },
        |case| case.subscriptions.found.as_mut().expect("rows")[0].subscription.event_types = vec![SIGNING.into()],
        |case| case.keys.found.as_mut().expect("rows")[0].name = SIGNING.into(),
        |case| case.requests.found.as_mut().expect("rows")[0].detail = Some(SIGNING.into()),
        |case| case.requests.found.as_mut().expect("rows")[0].method = SIGNING.into(),
        |case| case.failures.found.as_mut().expect("rows")[0].row.error = Some(SIGNING.into()),
        |case| case.failures.found = Err(SIGNING.to_owned()),
    ];
    for (position, plant) in plants.into_iter().enumerate() {
        let mut case = case();
        plant(&mut case);
        let made = built(&case).unwrap_or_else(|error| panic!("plant {position}: {error}"));
        for file in made.files() {
            assert!(!file.text.as_str().contains(&SIGNING[..12]), "plant {position}: {}", file.name);
        }
        assert!(made.manifest().redactions.iter().any(|of| of.n > 0), "plant {position}");
    }
}

#[test]
fn what_cannot_be_masked_is_held_back_names_its_place_and_leaves_once_it_is_released() {
    // Two texts that are a secret together: each of them is none.
    let halves = |case: &mut IncidentEvidence| {
        let token = format!("wlop_{}", "Ab3".repeat(14));
        case.subscriptions.found.as_mut().expect("rows")[0].subscription.event_types =
            vec![token[..12].into(), token[12..].into()];
    };
    let mut case = case();
    halves(&mut case);
    let refused = built(&case).expect_err("held");
    let said = refused.to_string();
    let BundleError::Held { place, held } = refused else { panic!("{said}") };
    assert_eq!((held.kind, held.encoding), (SecretKind::OperatorToken, SecretEncoding::Split), "{said}");
    assert!(place.starts_with("ticket.") && held.line > 1 && !said.contains("Ab3Ab3"), "{said}");
    assert!(said.contains(&held.fingerprint), "{said}");
    let open = gate().with_allowed([held.fingerprint]);
    let made = build_bundle(&case, ResponseBodies::Included, &open);
    assert!(matches!(&made, Ok(_) | Err(BundleError::Held { .. })), "{made:?}");
}
