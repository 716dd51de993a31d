//! The life of a case, with the real encoder and pipeline: when it acts, and when it never does.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use indexes::{Embedded, Index};
use plugins::{
    Banks, Case, Entered, FloodOptions, Kind, Opinion, PRECEDENTS, PrecedentError, PrecedentOptions,
    Precedents, Refusal, Resources, Standing, State,
};
use policies::{Action, Ask, Category, Content, Evidence, Judgment, Pipeline, Policy};
use support::{guard, models};

const POLICY: &str = r#"
name = "small"
version = "1"
languages = ["en"]
[thresholds]
score = { flag = 0.5, review = 0.7, block = 0.9 }
severity = { flag = 1, review = 3, block = 4 }
[[category]]
name = "spam"
definition = "x"
[[category]]
name = "violence"
definition = "x"
floor = true
[[stage]]
kind = "retrieve"
on_fault = "block"
[[stage]]
kind = "classify"
on_fault = "block"
"#;
const QUINCE: &str = "We have planted two hundred quince trees on the hill behind the old mill.";
const PARAPHRASE: &str = "Behind the old mill, on the hill, we planted 200 quince trees.";

/// A tenant with a pipeline over its banks.
struct House {
    banks: Arc<Banks>,
    cases: Arc<Precedents>,
    pipeline: Pipeline,
}

fn house(flood: Option<FloodOptions>) -> House {
    let (runtime, embedder, classifier) = models();
    let index: Arc<dyn Index> = Arc::new(Embedded::in_memory("test", embedder.dimension()).expect("a bank"));
    let options = PrecedentOptions { flood, ..PrecedentOptions::default() };
    let banks = Arc::new(Banks::new(index, embedder.clone(), options));
    let policy = Arc::new(Policy::parse(POLICY).expect("a policy"));
    let own = runtime.block_on(plugins::policy_bank(&policy, embedder, None)).expect("the bank is built");
    let resources = Resources {
        policy,
        embedder: embedder.clone(),
        classifier: Arc::clone(classifier),
        banks: vec![own],
        tenant: Some(Arc::clone(&banks)),
        llama: Some(guard().clone()),
        writer: None,
        judging: None,
    };
    let pipeline = plugins::builtin().pipeline(&resources).expect("the stages are built");
    House { cases: banks.precedents(PRECEDENTS), banks, pipeline }
}

fn case(id: &str, text: &str, ruling: Action) -> Case {
    Case {
        id: Some(id.to_owned()),
        text: text.to_owned(),
        ruling,
        category: (ruling != Action::Allow).then_some(Category::Spam),
        severity: None,
        language: Some("en".to_owned()),
        tags: vec!["orchard".to_owned()],
        reason: None,
        provenance: None,
        expires: None,
    }
}

impl House {
    fn enter(&self, case: Case) -> Entered {
        let (runtime, ..) = models();
        runtime.block_on(self.cases.enter(vec![case], "anna")).expect("the bank answers").remove(0)
    }

    /// Enters a case and confirms it.
    fn acts(&self, case: Case) {
        let id = case.id.clone().expect("an id");
        assert!(matches!(self.enter(case), Entered::New { .. }));
        assert_eq!(self.confirm(&id, "anna").expect("it is confirmed"), State::Confirmed);
    }

    fn confirm(&self, id: &str, by: &str) -> Result<State, PrecedentError> {
        self.review(id, by, "confirm")
    }

    fn review(&self, id: &str, by: &str, verb: &str) -> Result<State, PrecedentError> {
        let floors = BTreeSet::from([Category::Violence]);
        let opinion = Opinion { by, reason: Some("a reason".to_owned()), floors: &floors };
        let (runtime, ..) = models();
        let row = runtime.block_on(async {
            match verb {
                "confirm" => self.cases.confirm(id, opinion).await,
                "reject" => self.cases.reject(id, opinion).await,
                _ => self.cases.retract(id, opinion).await,
            }
        })?;
        Ok(Standing::of(&row).state)
    }

    fn state(&self, id: &str) -> State {
        let (runtime, ..) = models();
        Standing::of(&runtime.block_on(self.cases.case(id)).expect("it is there")).state
    }

    fn judge(&self, text: &str) -> Judgment {
        let content = Arc::new(Content::new(text).expect("content"));
        let (runtime, ..) = models();
        runtime.block_on(self.pipeline.judge(content, &Ask::default()))
    }
}

fn cites(judgment: &Judgment, id: &str) -> bool {
    let mut evidence = judgment.verdict.findings.iter().flat_map(|finding| &finding.evidence);
    evidence.any(|evidence| matches!(evidence, Evidence::Precedent { id: cited, .. } if &**cited == id))
}

fn refusal<T: std::fmt::Debug>(result: Result<T, PrecedentError>) -> Refusal {
    match result {
        Err(PrecedentError::Refused(refusal)) => refusal,
        other => panic!("it should be refused: {other:?}"),
    }
}

#[test]
fn a_case_acts_on_a_paraphrase_from_its_confirmation_until_it_is_retracted() {
    let house = house(None);
    assert!(matches!(house.enter(case("q", QUINCE, Action::Block)), Entered::New { .. }));
    for text in [QUINCE, PARAPHRASE] {
        assert_eq!(house.judge(text).verdict.action, Action::Allow, "unconfirmed, it never acts");
    }
    house.confirm("q", "anna").expect("it is confirmed");
    let judged = house.judge(PARAPHRASE);
    assert!(judged.verdict.action > Action::Allow && cites(&judged, "q"), "{:?}", judged.verdict);
    assert_eq!(house.review("q", "ben", "retract").expect("it is retracted"), State::Retracted);
    for text in [QUINCE, PARAPHRASE] {
        assert_eq!(house.judge(text).verdict.action, Action::Allow, "retracted, it acts no more");
    }
    let (runtime, ..) = models();
    let standing = Standing::of(&runtime.block_on(house.cases.case("q")).expect("it is kept"));
    let by: Vec<(&str, State)> = standing.reviews.iter().map(|r| (r.by.as_str(), r.led_to)).collect();
    assert_eq!(by, [("anna", State::Confirmed), ("ben", State::Retracted)]);
}

#[test]
fn a_rejected_and_an_expired_case_never_act_and_a_closed_one_stays_closed() {
    let house = house(None);
    house.enter(case("q", QUINCE, Action::Block));
    assert_eq!(house.review("q", "anna", "reject").expect("it is rejected"), State::Rejected);
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Allow);
    assert!(matches!(refusal(house.confirm("q", "ben")), Refusal::Closed { state: State::Rejected, .. }));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    house.acts(Case { expires: Some(now - 1), ..case("old", QUINCE, Action::Block) });
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Allow);
    assert!(matches!(
        refusal(house.review("old", "ben", "reject")),
        Refusal::Closed { state: State::Confirmed, .. }
    ));
    assert!(matches!(refusal(house.confirm("none", "ben")), Refusal::Unknown { .. }));
}

#[test]
fn a_floor_category_needs_two_different_reviewers() {
    let house = house(None);
    house.enter(Case { category: Some(Category::Violence), ..case("v", QUINCE, Action::Block) });
    assert_eq!(house.confirm("v", "anna").expect("the first"), State::Pending);
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Allow, "pending, it never acts");
    assert!(matches!(refusal(house.confirm("v", "anna")), Refusal::SameReviewer { .. }));
    assert_eq!(house.state("v"), State::Pending);
    assert_eq!(house.confirm("v", "ben").expect("the second"), State::Confirmed);
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Block);
}

#[test]
fn the_same_text_with_the_opposite_ruling_is_refused_until_one_of_them_is_retracted() {
    let house = house(None);
    house.acts(case("no", QUINCE, Action::Block));
    let yes = || case("yes", &QUINCE.to_uppercase(), Action::Allow);
    match house.enter(yes()) {
        Entered::Refused(Refusal::Conflict { with, ruling }) => {
            assert_eq!((&*with, &*ruling), ("no", "block"));
        }
        other => panic!("{other:?}"),
    }
    // Other words are another text, however near: they may be ruled otherwise.
    assert!(matches!(
        house.enter(case("three", &QUINCE.replace("two", "three"), Action::Allow)),
        Entered::New { .. }
    ));
    house.review("no", "anna", "retract").expect("it is retracted");
    house.acts(yes());
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Allow);
}

#[test]
fn near_copies_with_one_ruling_are_one_case_that_counts_them_once_each() {
    let house = house(None);
    house.enter(case("q", QUINCE, Action::Block));
    let near = case("q2", &QUINCE.replace("hill", "hills"), Action::Block);
    let counts: Vec<u64> = [near.clone(), near, case("q3", &QUINCE.to_uppercase(), Action::Block)]
        .into_iter()
        .map(|case| match house.enter(case) {
            Entered::Merged { into, count } if into == "q" => count,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [2, 2, 3]);
    assert!(matches!(house.enter(case("q", QUINCE, Action::Block)), Entered::Present { .. }));
    let other = house.enter(case("q", "Something else entirely.", Action::Block));
    assert!(matches!(other, Entered::Refused(Refusal::Taken { .. })), "an id is never taken over: {other:?}");
    let (runtime, ..) = models();
    let batch = ["One bus.", "one bus!", "Two trains.", ""]
        .map(|text| Case { id: None, ..case("", text, Action::Block) });
    let entered = runtime.block_on(house.cases.enter(batch.to_vec(), "anna")).expect("the bank answers");
    let [
        Entered::New { .. },
        Entered::Present { .. } | Entered::Merged { .. },
        Entered::New { .. },
        Entered::Refused(_),
    ] = entered.as_slice()
    else {
        panic!("{entered:?}")
    };
}

#[test]
fn a_case_that_matches_too_much_of_the_traffic_is_stopped_and_says_so_until_it_is_released() {
    let house = house(Some(FloodOptions { window: 20, least: 4, share: 0.5 }));
    house.acts(case("q", QUINCE, Action::Block));
    for number in ["two", "five", "six"] {
        assert_ne!(house.judge(&QUINCE.replace("two", number)).verdict.action, Action::Allow, "{number}");
    }
    for _ in 0..20 {
        assert_eq!(house.judge(QUINCE).verdict.action, Action::Block, "a repeated text is no flood");
    }
    house.judge(&QUINCE.replace("two", "seven"));
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Allow, "it is stopped");
    let (runtime, ..) = models();
    let account = runtime.block_on(house.cases.account()).expect("the bank answers");
    assert_eq!(account.alerts["q"].matched, 4);
    // What this process knows at once is written a moment later.
    while house.state("q") != State::Quarantined {
        std::thread::yield_now();
    }
    let account = runtime.block_on(house.cases.account()).expect("the bank answers");
    assert_eq!((account.acting, account.states[&State::Quarantined]), (0, 1));
    assert_eq!(house.confirm("q", "ben").expect("it is released"), State::Confirmed);
    assert_eq!(house.judge(QUINCE).verdict.action, Action::Block);
    let account = runtime.block_on(house.cases.account()).expect("the bank answers");
    assert!(account.alerts.is_empty());
}

#[test]
fn an_allowed_case_lifts_no_floor() {
    let house = house(None);
    let threat = "I will kill him and his whole family, they had it coming.";
    let before = house.judge(threat);
    let score = |judgment: &Judgment| judgment.verdict.scores[&Category::Violence].0.value();
    assert!(score(&before) > 0.3, "{}", score(&before));
    house.acts(case("ok", "I will kill him and all of his family, they had that coming.", Action::Allow));
    let after = house.judge(threat);
    assert!((score(&after) - score(&before)).abs() < 1e-4, "{} to {}", score(&before), score(&after));
    assert_eq!(after.verdict.action, before.verdict.action);
}

#[test]
fn the_line_is_fitted_from_confirmed_cases_and_decides_who_resembles() {
    let house = house(None);
    let (runtime, ..) = models();
    let texts = |subject: &str| {
        (0..16)
            .map(|n| format!("{subject}, number {n}, {}", ["today", "soon", "again"][n % 3]))
            .collect::<Vec<_>>()
    };
    let kinds = [
        ("Buy cheap watches at our shop", Category::Spam),
        ("The mayor is a fool and a liar", Category::Harassment),
    ];
    assert_eq!(runtime.block_on(house.cases.refit()).expect("the bank answers"), None, "no cases, no line");
    for (subject, category) in kinds {
        for text in texts(subject) {
            let case = Case { id: None, category: Some(category.clone()), ..case("", &text, Action::Block) };
            match house.enter(case) {
                Entered::New { id } => drop(house.confirm(&id, "anna").expect("it is confirmed")),
                Entered::Merged { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let account = runtime.block_on(house.cases.account()).expect("the bank answers");
    if account.acting >= 16 {
        let line = account.line.expect("enough pairs");
        assert!(line.precision >= 0.9 && (0.30..=0.95).contains(&line.similarity), "{line:?}");
        assert_eq!(house.cases.line(), Some(line), "retrieve goes by it");
        assert!(
            house.cases.speaks_alone(line.similarity) && !house.cases.speaks_alone(line.similarity - 0.01)
        );
        let (_, embedder, _) = models();
        let near = "Buy cheap watches at our shop, number 3";
        let vector =
            runtime.block_on(plugins::embed_whole(embedder, &[near])).expect("it is embedded").remove(0);
        let found = runtime.block_on(house.cases.acting(&vector, 32, -1.0)).expect("the bank answers");
        let (above, below): (Vec<_>, Vec<_>) =
            found.iter().partition(|hit| house.cases.speaks_alone(hit.similarity));
        assert!(!above.is_empty() && !below.is_empty(), "those below the line are neighbours as well");
    } else {
        panic!("too many of the texts are near copies: {}", account.acting);
    }
}

#[test]
fn a_bank_is_made_once_by_a_sensible_name_and_keeps_its_cases_apart() {
    let house = house(None);
    let (runtime, ..) = models();
    runtime.block_on(async {
        house.banks.create("orchard", Kind::Precedents).await.expect("it is made");
        assert!(house.banks.create("orchard", Kind::Precedents).await.is_err());
        for name in ["", "Orchard", "@banks", "a b", "1st", &"x".repeat(65)] {
            assert!(house.banks.create(name, Kind::Precedents).await.is_err(), "{name}");
        }
        let orchard = house.banks.precedents("orchard");
        orchard.enter(vec![case("o", QUINCE, Action::Block)], "anna").await.expect("the bank answers");
        let listed: Vec<String> =
            house.banks.list().await.expect("the banks").into_iter().map(|(name, _)| name).collect();
        assert_eq!(listed, ["documents", "orchard", "precedents"]);
        assert!(house.cases.case("o").await.is_err(), "it is in the other bank");
        let taken = house.cases.enter(vec![case("o", "Another text.", Action::Block)], "anna").await;
        assert!(matches!(
            taken.expect("the bank answers").remove(0),
            Entered::Refused(Refusal::Taken { .. })
        ));
        assert_eq!(house.banks.delete("orchard").await.expect("it is removed"), 1);
        assert!(house.banks.kind("orchard").await.is_err());
    });
}

#[test]
fn cases_handed_in_together_become_what_they_would_one_by_one() {
    let (one_by_one, together) = (house(None), house(None));
    for house in [&one_by_one, &together] {
        house.acts(case("there", QUINCE, Action::Block));
    }
    let taken = "A wholly different sentence under an id that is in use already.";
    let long = "x".repeat(indexes::MAX_TEXT_CHARS + 1);
    let cases = vec![
        case("new", "The ferry to the island leaves at nine from the northern pier.", Action::Block),
        case("there", QUINCE, Action::Block),
        case("there", taken, Action::Block),
        case(
            "copy of the stored",
            "We have planted two hundred quince trees on the hill behind the old mill!",
            Action::Block,
        ),
        case("against the stored", QUINCE, Action::Allow),
        case("new", "The ferry to the island leaves at nine from the northern pier.", Action::Block),
        case("new", taken, Action::Block),
        case(
            "copy of the new",
            "The ferry to the island leaves at nine from the northern pier",
            Action::Block,
        ),
        case("copy again", "the ferry to the island leaves at nine, from the northern pier.", Action::Block),
        case(
            "against the new",
            "The ferry to the island leaves at nine from the northern pier.",
            Action::Allow,
        ),
        case("too long", &long, Action::Block),
        case("allowed", "Please water the tomatoes in the greenhouse tonight.", Action::Allow),
        case("allowed twice", "Please water the tomatoes in the greenhouse tonight.", Action::Allow),
    ];
    let (runtime, ..) = models();
    let singly: Vec<String> =
        cases.iter().map(|case| format!("{:?}", one_by_one.enter(case.clone()))).collect();
    let entered = runtime.block_on(together.cases.enter(cases.clone(), "anna")).expect("the bank answers");
    let jointly: Vec<String> = entered.iter().map(|entered| format!("{entered:?}")).collect();
    assert_eq!(jointly, singly);
    let kinds = |name: &str| jointly.iter().filter(|entered| entered.starts_with(name)).count();
    assert_eq!(
        [kinds("New"), kinds("Present"), kinds("Merged"), kinds("Refused")],
        [2, 2, 4, 5],
        "{jointly:?}"
    );
    let counts = |house: &House| {
        ["there", "new", "allowed"].map(|id| {
            let row = runtime.block_on(house.cases.case(id)).expect("it is there");
            Standing::of(&row).count
        })
    };
    assert_eq!((counts(&one_by_one), counts(&together)), ([2, 3, 2], [2, 3, 2]));
    let again = runtime.block_on(together.cases.enter(cases, "anna")).expect("the bank answers");
    assert!(!again.iter().any(|entered| matches!(entered, Entered::New { .. })), "{again:?}");
    assert_eq!(counts(&together), [2, 3, 2], "the same import counts once");
}
