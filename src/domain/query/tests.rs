//! The language held against tables and properties.

use super::complete::complete;
use super::field::{Field, Sort};
use super::matching::{FieldValue, QueryableRow};
use super::parse::parse;
use super::pushdown::{LogKind, RemoteFilter};
use super::{FilterQuery, NumberRange, QueryTerm, QueryTime, TermSign, TermTest, TextPattern};
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use std::borrow::Cow;
use std::time::Duration;

/// 2026-11-23T14:02:31.114Z
const NOW: Timestamp = Timestamp::from_millis(1_795_442_551_114);

struct Attempt {
    status: Option<i64>,
    company: i64,
    kind: &'static str,
    event: &'static str,
    target: &'static str,
    at: Timestamp,
}

impl QueryableRow for Attempt {
    fn fields() -> &'static [Field] {
        Field::ALL
    }

    fn values(&self, field: Field, _: Timestamp) -> Vec<FieldValue<'_>> {
        match field {
            Field::Status => self.status.map(FieldValue::Number).into_iter().collect(),
            Field::Company => vec![FieldValue::Number(self.company)],
            Field::Kind => vec![FieldValue::Text(Cow::Borrowed(self.kind))],
            Field::Type => vec![FieldValue::Text(Cow::Borrowed(self.event))],
            Field::Target => vec![FieldValue::Text(Cow::Borrowed(self.target))],
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.at)
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![Cow::Borrowed(self.target)]
    }
}

fn read(text: &str) -> FilterQuery {
    parse(text, Field::ALL).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn rows_pass_as_the_words_say() {
    let row = Attempt {
        status: Some(503),
        company: 92,
        kind: "scheduled",
        event: "payment.failed",
        target: "https://API.Globex.example/in box",
        at: NOW.minus(Duration::from_secs(600)),
    };
    for (text, passes) in [
        ("", true),
        ("status>=500 company:92 type:payment.failed since:15m !kind:test \"globex\"", true),
        ("status:500..599", true),
        ("status:5XX", true),
        ("status:4xx,503", true),
        ("status:404,500", false),
        ("status!=503", false),
        ("!status!=503", true),
        ("status>503", false),
        ("status<504", true),
        ("status<=503", true),
        ("type:payment.*", true),
        ("type:*.failed,client.created", true),
        ("type:payment.succeeded", false),
        ("target:globex", true),
        ("target:\"IN BOX\"", true),
        ("target=globex", false),
        ("target:https*box", true),
        ("target:https*bo", false),
        ("globex in", true),
        ("\"globex in\"", false),
        ("since:5m", false),
        ("until:5m", true),
        ("since:13:52 until:2026-11-24", true),
        ("since:13:53", false),
        ("key:1", false),
        ("!key:1", true),
        ("KIND:test", false),
    ] {
        match parse(text, Field::ALL) {
            Ok(query) => assert_eq!(query.matches(&row, NOW), passes, "{text}"),
            Err(fault) => assert!(text.starts_with("KIND") && !passes, "{text}: {fault}"),
        }
    }
}

#[test]
fn faults_stand_under_their_character_with_a_remedy() {
    for (text, at, what, remedy) in [
        ("stauts:500", 0, "unknown field stauts", "write status"),
        ("company:92 staus>=500", 11, "unknown field staus", "write status"),
        ("company:9x", 9, "company must be a number", "company:17"),
        ("company:", 8, "company needs a value", "company:17"),
        ("status:500,,503", 11, "a value is missing", "comma"),
        ("status:504..500", 7, "the range is reversed", "status:500..504"),
        ("kind:tset", 5, "kind cannot be tset", "write kind:test"),
        ("kind>test", 5, "cannot be compared", "one of scheduled"),
        ("type:payment", 5, "type cannot be payment", "one of client.created"),
        ("since:yesterday", 6, "yesterday is not a time", "since:15m"),
        ("since:25:00", 6, "25:00 is not a time", "since:15m"),
        ("\"open", 0, "missing closing quotation mark", "at the end"),
        ("name:ab\"c", 7, "quotation mark inside the value", "whole value"),
        ("\"a\"b", 3, "text after the closing quotation mark", "a space"),
        ("!", 0, "nothing follows !", "!kind:test"),
        (":500", 0, "name is missing", "status>=500"),
        ("https://hooks.example", 0, "unknown field https", "quotes"),
        ("größe:1 zahl:2", 0, "unknown field größe", "quotes"),
    ] {
        let fault = parse(text, Field::ALL).expect_err(text);
        assert_eq!(fault.at, at, "{text}: {fault}");
        assert!(fault.problem.contains(what) && fault.remedy.contains(remedy), "{text}: {fault}");
    }
    let fault = parse("ms:5", &[Field::Status, Field::Key]).expect_err("not of these rows");
    assert_eq!(fault.to_string(), "no field ms here; fields: status key");
}

#[test]
fn completion_knows_fields_words_and_what_is_there() {
    let seen = |field| if field == Field::Subscription { vec!["17".to_owned(), "23".to_owned()] } else { Vec::new() };
    let said = |text: &str| {
        let completion = complete(text, text.len(), Field::ALL, &seen);
        let words = completion.candidates.into_iter().map(|candidate| candidate.text).collect::<Vec<_>>();
        (completion.from, words.join(" "))
    };
    assert_eq!(said("st"), (0, "status: state: streak:".to_owned()));
    assert_eq!(said("company:92 !ki"), (12, "kind:".to_owned()));
    assert_eq!(said("kind:scheduled,te"), (15, "test".to_owned()));
    assert_eq!(said("type:PAY"), (5, "payment.succeeded payment.failed".to_owned()));
    assert_eq!(said("sub:"), (4, "17 23".to_owned()));
    assert_eq!(said("sub:2"), (4, "23".to_owned()));
    assert_eq!(said("since:1"), (6, "15m 1h".to_owned()));
    assert_eq!(said("nothing:"), (8, String::new()));
    assert!(said("company:92 ").1.starts_with("status: state:"));
}

#[test]
fn the_platform_gets_what_it_can_do_and_the_rest_is_done_here() {
    let query = read("status:503 status>=500 company:92 !sub:4 type:payment.failed since:15m \"globex\" \"two\" ms>5");
    let portion = query.split_for(LogKind::Attempts, NOW);
    assert_eq!(
        portion.remote,
        [
            RemoteFilter::Number(Field::Status, 503),
            RemoteFilter::Number(Field::Company, 92),
            RemoteFilter::Word(Field::Type, "payment.failed".to_owned()),
            RemoteFilter::Time(Field::Since, NOW.minus(Duration::from_secs(900))),
            RemoteFilter::Text("globex".to_owned()),
        ]
    );
    assert_eq!(portion.local.to_string(), "status>=500 !sub:4 \"two\" ms>=6");
    let portion = read("company:92 \"globex\" status:500").split_for(LogKind::Events, NOW);
    assert_eq!(portion.remote, [RemoteFilter::Number(Field::Company, 92)]);
    assert_eq!(portion.local.to_string(), "\"globex\" status:500");
    let asked = |text: &str| read(text).split_for(LogKind::Deliveries, NOW).remote.len();
    assert_eq!([asked("state:on_hold"), asked("state:err"), asked("state:on_hold,missed")], [1, 0, 0]);
}

#[test]
fn a_filter_saved_by_an_earlier_version_asks_for_the_words_in_use() {
    assert_eq!(read("cause:ours !cause=ours").to_string(), "cause:local !cause=local");
    assert_eq!(read("name:ours").to_string(), "name:ours");
    let query = read("state:skipped");
    assert_eq!(
        (query.to_string(), read("!state:PARKED,err").to_string()),
        ("state:missed".to_owned(), "!state:on_hold,err".to_owned())
    );
    assert_eq!(read("state:warning,tripped,off !state:healthy").to_string(), "state:wrn,trp,off !state:ok");
    let remote = query.split_for(LogKind::Deliveries, NOW).remote;
    assert_eq!(remote, [RemoteFilter::Word(Field::State, "missed".to_owned())]);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z\"\\\\*,!:=<> ]{1,8}", "\\PC{1,6}"]
}

fn any_test() -> impl Strategy<Value = TermTest> {
    let of = |sort| Field::ALL.iter().copied().filter(|field| field.sort() == sort).collect::<Vec<_>>();
    let field = move |sort| proptest::sample::select(of(sort));
    let span = (0_i64..2_000, 0_i64..50).prop_map(|(from, more)| NumberRange { from, to: from + more });
    let open = prop_oneof![
        (0_i64..2_000).prop_map(|from| NumberRange { from, to: i64::MAX }),
        (-1_i64..2_000).prop_map(|to| NumberRange { from: i64::MIN, to }),
    ];
    let like = "[a-z.]{0,4}\\*[a-z.]{0,4}".prop_map(TextPattern::Glob);
    let word = field(Sort::Word).prop_flat_map(|field| {
        let words = proptest::sample::select(field.words());
        let patterns = proptest::collection::vec(words.prop_map(|word| TextPattern::Equals(word.to_owned())), 1..3);
        (Just(field), patterns)
    });
    let moment = prop_oneof![
        (0_u64..1_000_000).prop_map(|s| QueryTime::Ago(Duration::from_secs(s))),
        (0_u64..86_400).prop_map(|s| QueryTime::Daily(Duration::from_secs(s))),
        (0_i64..4_000_000_000_000).prop_map(|ms| QueryTime::At(Timestamp::from_millis(ms))),
    ];
    let time = proptest::sample::select(vec![Field::Since, Field::Until]);
    let texts = |of: fn(String) -> TextPattern| {
        let pattern = prop_oneof![any_text().prop_map(of), like.clone()];
        (field(Sort::Text), proptest::collection::vec(pattern, 1..3))
    };
    prop_oneof![
        any_text().prop_map(TermTest::Text),
        (field(Sort::Number), proptest::collection::vec(span, 1..4)).prop_map(|(f, s)| TermTest::Number(f, s)),
        (field(Sort::Number), open).prop_map(|(f, s)| TermTest::Number(f, vec![s])),
        word.prop_map(|(f, p)| TermTest::Word(f, p)),
        texts(TextPattern::Equals).prop_map(|(f, p)| TermTest::Word(f, p)),
        texts(TextPattern::Contains).prop_map(|(f, p)| TermTest::Word(f, p)),
        (time, moment).prop_map(|(f, m)| TermTest::Time(f, m)),
    ]
}

fn any_query() -> impl Strategy<Value = FilterQuery> {
    let sign = prop_oneof![Just(TermSign::Must), Just(TermSign::MustNot)];
    proptest::collection::vec((sign, any_test()).prop_map(|(sign, test)| QueryTerm { sign, test }), 0..5)
        .prop_map(|terms| terms.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_as_the_same(query in any_query()) {
        let text = query.to_string();
        let again = parse(&text, Field::ALL);
        prop_assert_eq!(again.as_ref(), Ok(&query), "{}", text);
    }

    #[test]
    fn no_text_breaks_it_and_faults_stand_on_characters(
        text in "\\PC{0,40}|([a-z]{2,7}|status|sub|type|since)?[:=<>!\",.*0-9x\\\\ é]{0,12}",
        cursor in 0_usize..48,
    ) {
        match parse(&text, Field::ALL) {
            Ok(query) => {
                for (_, span) in query.terms_with_ranges() {
                    prop_assert!(text.get(span).is_some());
                }
                let again = parse(&query.to_string(), Field::ALL);
                prop_assert_eq!(again, Ok(query));
            }
            Err(fault) => prop_assert!(text.is_char_boundary(fault.at) && !fault.remedy.is_empty()),
        }
        let completion = complete(&text, cursor, Field::ALL, &|_| vec!["a b".to_owned()]);
        prop_assert!(text.is_char_boundary(completion.from) || completion.from == text.len());
    }

    #[test]
    fn a_query_and_its_two_parts_let_the_same_through(
        query in any_query(), status in 0_i64..2_000, company in 0_i64..2_000, seconds in 0_u64..2_000_000,
    ) {
        let row = Attempt {
            status: Some(status),
            company,
            kind: "test",
            event: "payment.failed",
            target: "https://a.example/b",
            at: NOW.minus(Duration::from_secs(seconds)),
        };
        let portion = query.split_for(LogKind::Attempts, NOW);
        let asked = portion.remote.iter().map(|asked| match asked.clone() {
            RemoteFilter::Number(field, n) => TermTest::Number(field, vec![NumberRange { from: n, to: n }]),
            RemoteFilter::Word(field, word) => TermTest::Word(field, vec![TextPattern::Equals(word)]),
            RemoteFilter::Time(field, at) => TermTest::Time(field, QueryTime::At(at)),
            RemoteFilter::Text(text) => TermTest::Text(text),
        });
        let asked: FilterQuery = asked.map(|test| QueryTerm { sign: TermSign::Must, test }).collect();
        prop_assert_eq!(asked.matches(&row, NOW) && portion.local.matches(&row, NOW), query.matches(&row, NOW));
    }
}
