//! Banks of documents, with the real encoder: what is found, by whom, and what is embedded anew.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

#[expect(dead_code, reason = "no LLaMA is needed here")]
mod support;

use std::sync::Arc;

use indexes::{Embedded, Filter, Index};
use plugins::{
    Banks, Document, DocumentError, Documents, Format, Indexed, Kind, Manner, PrecedentOptions, Question,
    Refusal, Sight,
};
use support::models;

const BEES: &str = "Bees overwinter in a cluster around their queen and live on the honey they have stored.";

struct House {
    index: Arc<dyn Index>,
    banks: Banks,
    documents: Arc<Documents>,
}

fn house() -> House {
    let (_, embedder, _) = models();
    let index: Arc<dyn Index> = Arc::new(Embedded::in_memory("test", embedder.dimension()).expect("a bank"));
    let banks = Banks::new(Arc::clone(&index), embedder.clone(), PrecedentOptions::default());
    House { index, documents: banks.documents("documents"), banks }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    models().0.block_on(work)
}

fn document(id: &str, text: &str, tags: &[&str]) -> Document {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Document { id: id.to_owned(), text: text.to_owned(), tags, ..Document::default() }
}

fn holding(tags: &[&str]) -> Sight {
    Sight::holding(tags.iter().map(|tag| (*tag).to_owned()).collect())
}

impl House {
    fn add(&self, document: Document) -> Indexed {
        self.hand_in(document, &Sight::all()).expect("it is taken")
    }

    fn hand_in(&self, document: Document, sight: &Sight) -> Result<Indexed, Refusal> {
        run(self.documents.add(vec![document], sight)).expect("the bank answers").remove(0)
    }

    fn found(&self, text: &str, question: &Question) -> Vec<String> {
        let passages = run(self.documents.search(text, question)).expect("the bank answers");
        passages.into_iter().map(|passage| passage.document).collect()
    }
}

fn counts(unchanged: usize, embedded: usize, removed: usize) -> Indexed {
    Indexed { unchanged, embedded, removed, present: false }
}

#[test]
fn a_passage_says_where_its_document_has_it() {
    let house = house();
    let page = "<title>The apiary</title><h1>Winter</h1><p>Bees overwinter in a <b>cluster</b> around their \
                queen &amp; live on the honey they have stored.</p><h1>Spring</h1><p>The first willows bloom.</p>";
    let source = Some("https://example.org/bees".to_owned());
    let sent = Document { format: Format::Html, source, ..document("bees", page, &[]) };
    house.add(sent.clone());
    house.add(document("trams", "The tram to the harbour runs every ten minutes.", &[]));
    for manner in [Manner::Dense, Manner::Sparse, Manner::Hybrid] {
        let question = Question { manner, k: 1, ..Question::default() };
        let passages = run(house.documents.search("how a bee overwinters", &question));
        let passage = passages.expect("the bank answers").remove(0);
        assert_eq!((passage.document.as_str(), passage.title.as_deref()), ("bees", Some("The apiary")));
        assert_eq!((passage.source, passage.language.as_deref()), (sent.source.clone(), Some("en")));
        let written = &page[passage.range];
        assert!(written.starts_with("Winter</h1><p>Bees overwinter in a <b>cluster"), "{written}");
        assert!(passage.text.contains("cluster around their queen & live"), "{}", passage.text);
    }
    let kept = run(house.documents.document("bees", &holding(&[]))).expect("it is there");
    assert_eq!((kept.document.text.as_str(), kept.chunks), (page, 1));
}

#[test]
fn whoever_asks_for_one_passage_gets_the_best_that_is_theirs_though_many_nearer_are_not() {
    let house = house();
    let secrets = (0..60)
        .map(|number| document(&format!("secret-{number}"), &format!("{BEES} ({number})"), &["board"]));
    run(house.documents.add(secrets.collect(), &Sight::all())).expect("the bank answers");
    house.add(document("mine", "Honey cake is baked with flour and eggs.", &["kitchen", "board-2"]));
    house.add(document("open", "The willows are pruned in March.", &[]));
    for manner in [Manner::Dense, Manner::Sparse, Manner::Hybrid] {
        let ask = |sight: Sight, k| Question { manner, k, sight, ..Question::default() };
        assert_eq!(house.found("the honey of bees", &ask(holding(&["kitchen"]), 1)), ["mine"], "{manner:?}");
        assert!(house.found("the honey of bees", &ask(holding(&["board"]), 1))[0].starts_with("secret"));
        let blind = house.found(BEES, &ask(holding(&["Board", "boar", ""]), 100));
        assert!(blind.iter().all(|id| id == "open"), "{manner:?} {blind:?}");
        let named = Question { document: Some("secret-1".to_owned()), ..ask(holding(&["kitchen"]), 9) };
        assert_eq!(house.found(BEES, &named), Vec::<String>::new());
    }
}

#[test]
fn what_may_not_be_seen_is_neither_counted_nor_listed_nor_given_nor_removed() {
    let house = house();
    house.add(document("secret", BEES, &["board"]));
    house.add(document("open", "The willows are pruned in March.", &[]));
    let (nobody, board) = (holding(&[]), holding(&["board"]));
    let listed = |sight: &Sight| {
        let only = Question { sight: sight.clone(), ..Question::default() };
        let (shelf, _) = run(house.documents.list(None, 10, &only)).expect("the bank answers");
        shelf.into_iter().map(|kept| kept.document.id).collect::<Vec<_>>()
    };
    assert_eq!((listed(&nobody).len(), listed(&board).len()), (1, 2));
    let count = |sight: &Sight| run(house.documents.count(sight)).expect("the bank answers");
    assert_eq!((count(&nobody), count(&board), count(&Sight::all())), ((1, 1), (2, 2), (2, 2)));
    let unknown = |done: Result<(), DocumentError>| {
        assert!(matches!(done, Err(DocumentError::Refused(Refusal::Unknown { .. }))), "{done:?}");
    };
    unknown(run(house.documents.document("secret", &nobody)).map(drop));
    unknown(run(house.documents.remove("secret", &nobody)).map(drop));
    assert!(run(house.documents.document("secret", &board)).is_ok());
    let taken = house.hand_in(document("secret", "Mine now.", &[]), &nobody);
    assert!(matches!(taken, Err(Refusal::Taken { .. })), "{taken:?}");
    let given = house.hand_in(document("new", "For the board.", &["board"]), &holding(&["kitchen"]));
    assert!(matches!(given, Err(Refusal::Field { field: "tags", .. })), "{given:?}");
    assert_eq!(run(house.documents.remove("secret", &board)).expect("it is theirs"), 1);
    assert_eq!(count(&Sight::all()), (1, 1));
}

/// Sections long enough for a chunk of their own.
fn handbook(sections: &[&str]) -> String {
    let section = |topic: &&str| {
        let sentence =
            format!("Everything there is to say about {topic} is said in this part of the handbook. ");
        format!("# About {topic}\n\n{}\n\n", sentence.repeat(5))
    };
    sections.iter().map(section).collect()
}

#[test]
fn only_chunks_that_say_something_else_are_embedded_again() {
    let house = house();
    let topics = ["bees", "trams", "bread", "rivers"];
    let sent = |topics: &[&str]| Document {
        format: Format::Markdown,
        title: Some("Handbook".to_owned()),
        ..document("handbook", &handbook(topics), &[])
    };
    assert_eq!(house.add(sent(&topics)), counts(0, 4, 0));
    assert_eq!(house.add(sent(&topics)), Indexed { present: true, ..counts(4, 0, 0) });
    assert_eq!(house.add(sent(&["bees", "trams", "cheese", "rivers"])), counts(3, 1, 1));
    assert_eq!(house.add(sent(&["owls", "bees", "trams", "cheese", "rivers"])), counts(4, 1, 0));
    let moved = sent(&["owls", "bees", "trams", "cheese", "rivers"]);
    let passages = run(house.documents.search("rivers", &Question { k: 1, ..Question::default() }));
    let passage = passages.expect("the bank answers").remove(0);
    assert!(moved.text[passage.range].starts_with("About rivers"), "its place is the new one");
    assert_eq!(house.add(sent(&["rivers"])), counts(1, 0, 4));
    assert_eq!(run(house.documents.count(&Sight::all())).expect("the bank answers"), (1, 1));
    assert_eq!(house.add(Document { title: None, ..sent(&["rivers"]) }), counts(0, 1, 1));
    assert_eq!(run(house.documents.remove("handbook", &Sight::all())).expect("it is there"), 1);
    assert_eq!(run(house.index.count(&Filter::default())).expect("the index answers"), 0);
}

#[test]
fn a_change_of_tags_alone_takes_hold_without_embedding_anything() {
    let house = house();
    house.add(document("bees", BEES, &[]));
    assert_eq!(house.add(document("bees", BEES, &["board"])), counts(1, 0, 0));
    assert!(house.found(BEES, &Question::default()).is_empty());
    assert_eq!(house.found(BEES, &Question { sight: holding(&["board"]), ..Question::default() }), ["bees"]);
}

#[test]
fn a_document_that_no_bank_can_hold_is_refused_by_its_field_and_the_others_are_taken() {
    let house = house();
    let long = |length: usize| "x".repeat(length);
    let tags: Vec<String> = (0..65).map(|number| number.to_string()).collect();
    let bad = [
        ("id", document("", BEES, &[])),
        ("id", document(&long(257), BEES, &[])),
        ("text", document("a", "", &[])),
        ("text", Document { format: Format::Html, ..document("a", "<script>no</script><p> ", &[]) }),
        ("text", document("a", &"é ".repeat(500_001), &[])),
        ("tags", Document { tags, ..document("a", BEES, &[]) }),
        ("tags", document("a", BEES, &["@own"])),
        ("tags", document("a", BEES, &[""])),
        ("source", Document { source: Some(long(4097)), ..document("a", BEES, &[]) }),
        ("title", Document { title: Some(long(4097)), ..document("a", BEES, &[]) }),
        ("language", Document { language: Some(long(257)), ..document("a", BEES, &[]) }),
    ];
    let fields = bad.each_ref().map(|(field, _)| *field);
    let mut sent: Vec<Document> = bad.into_iter().map(|(_, document)| document).collect();
    sent.extend([document("twice", "The first version.", &[]), document("twice", BEES, &[])]);
    let answers = run(house.documents.add(sent, &Sight::all())).expect("the bank answers");
    for (answer, expected) in answers.iter().zip(fields) {
        let Err(Refusal::Field { field, reason }) = answer else { panic!("{expected}: {answer:?}") };
        assert_eq!(*field, expected, "{reason}");
    }
    assert_eq!(answers[11..].iter().flatten().count(), 2);
    let kept = run(house.documents.document("twice", &Sight::all())).expect("it is there");
    assert_eq!(kept.document.text, BEES, "the later one counts");
    assert_eq!(run(house.documents.count(&Sight::all())).expect("the bank answers"), (1, 1));
}

#[test]
fn banks_keep_their_documents_apart_and_go_with_them() {
    let house = house();
    run(house.banks.create("papers", Kind::Documents)).expect("it is made");
    let papers = house.banks.documents("papers");
    run(papers.add(vec![document("bees", BEES, &[])], &Sight::all())).expect("the bank answers");
    assert!(house.found(BEES, &Question::default()).is_empty());
    house.add(document("bees", "Another text of the same name.", &[]));
    assert_eq!(run(house.banks.kind("papers")).expect("it is there"), Kind::Documents);
    assert_eq!(run(house.banks.delete("papers")).expect("it goes"), 1);
    assert_eq!(run(papers.count(&Sight::all())).expect("the bank answers"), (0, 0));
    assert_eq!(run(house.documents.count(&Sight::all())).expect("the bank answers"), (1, 1));
}
