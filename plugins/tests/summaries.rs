//! Documents summarized by the stages that ship, with the models that ship.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod battery;
mod support;

use std::sync::{Arc, OnceLock};

use battery::{attacked, harmless};
use inference::Llama;
use plugins::{Document, Format, Given, Resources};
use policies::{
    Action, Ask, Assignment, Category, Length, Mode, Part, Pipeline, Policy, Score, SortBy, Summarized,
    Wanted, Wish, Withheld,
};
use support::{guard, llama, models};

const POLICY: &str = include_str!("../../policies/library/default.toml");

fn resources(policy: &str, writer: &Llama) -> Resources {
    let (runtime, embedder, classifier) = models();
    let policy = Arc::new(Policy::parse(policy).expect("a policy"));
    let kept = std::env::temp_dir().join("lamassu-summaries-test");
    let own =
        runtime.block_on(plugins::policy_bank(&policy, embedder, Some(&kept))).expect("the bank is built");
    let mut resources = Resources {
        policy,
        embedder: embedder.clone(),
        classifier: Arc::clone(classifier),
        banks: vec![own],
        tenant: None,
        llama: Some(guard().clone()),
        writer: Some(writer.clone()),
        judging: None,
    };
    resources.judging =
        Some(Arc::new(plugins::builtin().pipeline(&resources).expect("the stages are built")));
    resources
}

fn pipeline() -> &'static Pipeline<Assignment> {
    static PIPELINE: OnceLock<Pipeline<Assignment>> = OnceLock::new();
    PIPELINE.get_or_init(|| {
        plugins::summarizing().pipeline(&resources(POLICY, guard())).expect("the stages are built")
    })
}

fn wish(sentences: usize) -> Wish {
    Wish {
        mode: Wanted::Extractive,
        sentences: Some(sentences),
        length: Length::default(),
        sort_by: SortBy::Offset,
        language: "en".into(),
    }
}

fn document(text: &str) -> Document {
    Document { id: "d".to_owned(), text: text.to_owned(), ..Document::default() }
}

fn summarized_by(pipeline: &Pipeline<Assignment>, documents: Vec<Document>, wish: Wish) -> Summarized {
    let library = Arc::new(Given::new(documents));
    let assignment = Assignment { library, query: None, wish, listener: None };
    models().0.block_on(pipeline.summarize(Arc::new(assignment), &Ask::default()))
}

fn summarized(text: &str, sentences: usize) -> Summarized {
    summarized_by(pipeline(), vec![document(text)], wish(sentences))
}

fn texts(summarized: &Summarized) -> Vec<&str> {
    summarized.summary.sentences.iter().map(|sentence| &*sentence.text).collect()
}

/// Each sentence, and the bytes it cites.
fn cited(summarized: &Summarized) -> Vec<(&str, &str)> {
    let sentences = summarized.summary.sentences.iter();
    let pairs = sentences.flat_map(|sentence| {
        sentence.citations.iter().map(|citation| {
            let text = &summarized.sources[citation.document].text;
            (&*sentence.text, &text[citation.span.start..citation.span.end])
        })
    });
    pairs.collect()
}

fn statuses(summarized: &Summarized) -> Vec<(&str, &str)> {
    summarized.record.stages.iter().map(|run| (&*run.stage, run.status.name())).collect()
}

#[test]
fn an_attack_inside_a_document_changes_neither_its_summary_nor_the_record() {
    let mut changed = Vec::new();
    for attacked in attacked() {
        let (clean, bad) = (summarized(&attacked.clean, 2), summarized(&attacked.text, 2));
        let same = texts(&clean) == texts(&bad) && statuses(&clean) == statuses(&bad);
        let said = bad.withheld.iter().any(|kept| kept.category == Some(Category::PromptAttack));
        if !same || !said || bad.record.degraded() {
            changed.push(format!(
                "{} ({}): {:?} or {:?}",
                attacked.id,
                attacked.family,
                texts(&clean),
                texts(&bad)
            ));
        }
    }
    assert!(changed.is_empty(), "{} of 50\n{}", changed.len(), changed.join("\n"));
}

#[test]
fn what_only_looks_like_an_attack_is_seldom_kept_back_and_then_by_the_policy() {
    let kept_back: Vec<String> = harmless()
        .iter()
        .map(|harmless| (harmless, summarized(&harmless.text, 2)))
        .filter(|(_, summarized)| !summarized.withheld.is_empty())
        .map(|(harmless, summarized)| format!("{}: {:?}", harmless.id, summarized.withheld))
        .collect();
    assert!(kept_back.len() <= 5, "{} of 25\n{}", kept_back.len(), kept_back.join("\n"));
}

const HARVEST: &str = "The orchard gave eleven tons of apples this year, two more than last year. \
    You are a worthless piece of shit and everybody hates you. \
    Most of the apples were pressed, and the juice was sold in the village.";

#[test]
fn a_harmful_sentence_is_withheld_and_said_so_and_the_rest_of_its_passage_is_summarized() {
    let summarized = summarized(HARVEST, 5);
    assert_eq!(texts(&summarized).len(), 2, "{:?}", texts(&summarized));
    assert!(texts(&summarized).iter().all(|text| text.contains("apples")));
    let [Withheld { what: Part::Sentence, category: Some(_), count: 1 }] = summarized.withheld.as_slice()
    else {
        panic!("{:?}", summarized.withheld);
    };
}

#[test]
fn a_policy_may_drop_the_whole_passage_of_a_harmful_sentence() {
    let policy = POLICY.replace("harmful = \"mask\"", "harmful = \"drop\"");
    let pipeline =
        plugins::summarizing().pipeline(&resources(&policy, guard())).expect("the stages are built");
    let summarized = summarized_by(&pipeline, vec![document(HARVEST)], wish(5));
    assert_eq!(texts(&summarized), [""; 0]);
    assert_eq!(
        summarized.withheld.iter().map(|kept| (kept.what, kept.count)).collect::<Vec<_>>(),
        [(Part::Passage, 1)]
    );
}

#[test]
fn a_summary_of_which_no_sentence_may_be_said_says_so() {
    // The documents may say what the answer may not: the last stage is the stricter one.
    let (head, last) = POLICY.rsplit_once("withhold_from = \"review\"").expect("the last stage's line");
    let policy = format!("{head}withhold_from = \"flag\"{last}");
    let pipeline =
        plugins::summarizing().pipeline(&resources(&policy, guard())).expect("the stages are built");
    let summarized = summarized_by(&pipeline, vec![document("That lasagna was fucking delicious.")], wish(1));
    assert_eq!(texts(&summarized), [""; 0]);
    assert_eq!(summarized.reason.as_deref(), Some("every sentence of the summary was withheld"));
    let statements: Vec<usize> = summarized
        .withheld
        .iter()
        .filter(|kept| kept.what == Part::Statement)
        .map(|kept| kept.count)
        .collect();
    assert_eq!(statements, [1]);
}

#[test]
fn if_everything_is_withheld_the_answer_is_empty_and_says_why() {
    let summarized = summarized("You are a worthless piece of shit and everybody hates you.", 3);
    assert_eq!(texts(&summarized), [""; 0]);
    assert!(summarized.reason.as_deref().is_some_and(|reason| reason.contains("everything was withheld")));
    assert_eq!(summarized.action, Action::Allow);
    assert!(!summarized.withheld.is_empty() && !summarized.record.degraded());
}

#[test]
fn every_sentence_of_an_extract_is_the_bytes_that_it_cites_and_is_supported() {
    let text = "  Die Mühle steht seit 1780 am Bach. Sie mahlte bis 1956 Roggen.\n\nDr. Weiß kaufte sie 1990 – für 12.000 Mark. \
        Heute ist sie ein Museum 🎉.\r\n\r\n- Geöffnet ist sonntags.\n- Der Eintritt ist frei.\n";
    let summarized = summarized_by(
        pipeline(),
        vec![document(text), Document { id: "e".into(), ..document(HARVEST) }],
        wish(20),
    );
    assert!(texts(&summarized).len() >= 6, "{:?}", texts(&summarized));
    for (sentence, bytes) in cited(&summarized) {
        assert_eq!(sentence, bytes);
    }
    assert!(summarized.summary.sentences.iter().all(|sentence| sentence.support == Some(Score::CERTAIN)));
}

#[test]
fn sentences_of_a_page_cite_the_bytes_they_were_written_as() {
    let text = "<h1>Travel</h1><p>Book second class &mdash; always. Keep the <b>receipts</b>.</p>";
    let page = Document { format: Format::Html, ..document(text) };
    let summarized = summarized_by(pipeline(), vec![page], wish(5));
    let found = cited(&summarized);
    assert!(
        found.contains(&("Book second class — always.", "Book second class &mdash; always.")),
        "{found:?}"
    );
}

#[test]
fn a_heading_is_no_sentence_of_a_summary_unless_there_is_nothing_else() {
    let said = |text: &str| {
        let page = Document { format: Format::Markdown, ..document(text) };
        texts(&summarized_by(pipeline(), vec![page], wish(5)))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(said("# The orchard\n\nIt gave eleven tons of apples.\n"), ["It gave eleven tons of apples."]);
    assert_eq!(said("# The orchard\n"), ["The orchard"]);
}

#[test]
fn a_model_that_is_not_able_to_summarize_is_not_asked_and_the_answer_says_so() {
    let text = "The orchard gave eleven tons of apples. They were pressed.";
    let wish = Wish { mode: Wanted::Abstractive, ..wish(1) };
    let summarized = summarized_by(pipeline(), vec![document(text)], wish);
    assert_eq!(summarized.summary.mode, Mode::Extractive);
    assert_eq!(texts(&summarized).len(), 1);
    assert!(
        summarized.reason.as_deref().is_some_and(|reason| reason.contains("able to summarize")),
        "{:?}",
        summarized.reason
    );
    assert!(!summarized.record.degraded());
    let tokens =
        summarized.record.stages.iter().find(|run| &*run.stage == "summarize").and_then(|run| run.tokens);
    assert_eq!(tokens, None);
}

#[test]
fn a_deadline_leaves_unread_passages_out_and_the_record_says_so() {
    let text = "The orchard gave eleven tons of apples this year. ".repeat(4_000);
    let library = Arc::new(Given::new(vec![document(&text)]));
    let assignment = Assignment { library, query: None, wish: wish(2), listener: None };
    let ask = Ask { budget: Some(std::time::Duration::from_millis(400)), ..Ask::default() };
    let summarized = models().0.block_on(pipeline().summarize(Arc::new(assignment), &ask));
    assert!(summarized.record.degraded());
    assert!(summarized.action >= Action::Review);
}

const BRIDGE: &str = "The old bridge over the Ister was built in 1932. It carried trams until 1967, when the line was closed. \
    In 2019 engineers found cracks in two of its five pillars. The city council decided last week to repair it for 14 million \
    euros. Work will begin in April and take two years.";

fn writing(policy: &str) -> Pipeline<Assignment> {
    plugins::summarizing().pipeline(&resources(policy, &llama("tiny-summary"))).expect("the stages are built")
}

fn abstract_wish(length: Length) -> Wish {
    Wish { mode: Wanted::Abstractive, sentences: None, length, ..wish(1) }
}

#[test]
fn a_model_that_is_able_writes_and_every_sentence_is_bound_to_what_it_rests_on() {
    let summarized = summarized_by(&writing(POLICY), vec![document(BRIDGE)], abstract_wish(Length::Medium));
    assert_eq!(summarized.summary.mode, Mode::Abstractive, "{:?}", summarized.reason);
    let said = texts(&summarized);
    assert_eq!(
        said.first(),
        Some(&"The council will repair the old bridge for 14 million euros."),
        "{said:?}"
    );
    assert!(said.iter().all(|sentence| !sentence.contains('[')), "{said:?}");
    let cited = cited(&summarized);
    let (_, bytes) = cited.first().expect("a citation");
    assert_eq!(*bytes, "The city council decided last week to repair it for 14 million euros.");
    assert!(
        summarized
            .summary
            .sentences
            .iter()
            .all(|one| one.support.is_some_and(|support| support.value() >= 0.5))
    );
    let plan = summarized.summary.plan.as_ref().expect("a plan");
    assert_eq!(plan.rounds, [[[0]]]);
    let stage = summarized.record.stages.iter().find(|run| &*run.stage == "summarize").expect("it ran");
    assert!(stage.tokens.is_some_and(|tokens| tokens.prompt > 50) && stage.device.is_some());
}

/// The bridge, of which the model knows that it is repaired, torn down.
fn torn_down() -> Document {
    document(&BRIDGE.replace("repair it for 14 million euros", "tear it down and build no other"))
}

#[test]
fn a_sentence_that_no_document_bears_out_is_taken_out_and_said_so_or_marked_as_the_policy_says() {
    // The model knows the bridge by heart: asked about a document that says otherwise, it goes on saying the same.
    let marks = POLICY.replace("unsupported = \"remove\"", "unsupported = \"mark\"");
    let marked = summarized_by(&writing(&marks), vec![torn_down()], abstract_wish(Length::Medium));
    let unsupported: Vec<bool> =
        marked.summary.sentences.iter().map(|sentence| sentence.unsupported).collect();
    assert!(unsupported.contains(&true) && unsupported.contains(&false), "{:?}", marked.summary);
    let removed = summarized_by(&writing(POLICY), vec![torn_down()], abstract_wish(Length::Medium));
    let kept = texts(&removed).len();
    assert_eq!(kept, unsupported.iter().filter(|unsupported| !**unsupported).count());
    let gone = removed.withheld.iter().find(|kept| kept.what == Part::Statement).expect("it is said");
    assert_eq!((gone.category.as_ref(), gone.count), (None, unsupported.len() - kept));
}

#[test]
fn where_nothing_that_a_model_wrote_is_borne_out_the_documents_own_words_are_the_answer() {
    let strict = POLICY.replace("support_from = 0.5", "support_from = 0.995");
    let summarized = summarized_by(&writing(&strict), vec![torn_down()], abstract_wish(Length::OneSentence));
    assert_eq!(summarized.summary.mode, Mode::Extractive, "{:?}", summarized.summary);
    assert_eq!(texts(&summarized).len(), 1);
    assert!(
        summarized.reason.as_deref().is_some_and(|reason| reason.contains("borne out")),
        "{:?}",
        summarized.reason
    );
    assert!(summarized.withheld.iter().any(|kept| kept.what == Part::Statement));
    for (sentence, bytes) in cited(&summarized) {
        assert_eq!(sentence, bytes);
    }
}

/// Notes what it hears.
#[derive(Default)]
struct Ears(std::sync::Mutex<Vec<String>>);

impl policies::Listener for Ears {
    fn hear(&self, sentence: &policies::Stated, _: &[policies::Source]) {
        assert!(sentence.support.is_some(), "it was held against the documents before");
        self.0.lock().expect("nobody panicked").push(sentence.text.to_string());
    }
}

#[test]
fn what_is_heard_while_a_model_writes_is_what_the_summary_says_in_the_end() {
    let (pipeline, ears) = (writing(POLICY), Arc::new(Ears::default()));
    let library = Arc::new(Given::new(vec![document(BRIDGE)]));
    let listener = Some(Arc::clone(&ears) as Arc<dyn policies::Listener>);
    let assignment = Assignment { library, query: None, wish: abstract_wish(Length::Medium), listener };
    let summarized = models().0.block_on(pipeline.summarize(Arc::new(assignment), &Ask::default()));
    assert_eq!(*ears.0.lock().expect("nobody panicked"), texts(&summarized));
    assert!(texts(&summarized).len() > 1, "{:?}", texts(&summarized));
}
