//! Whether sources bear a text out, and which of their sentences do: with the model and the encoder that ship.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

#[expect(dead_code, reason = "no LLaMA is needed here")]
mod support;

use inference::Embedder;
use plugins::{Citation, Grounded, Grounder, Passages, SourceSentence, Sources, ground_text};
use proptest::prelude::*;

const ENGLISH: &str = "The Brooklyn Bridge crosses the East River between Manhattan and Brooklyn. It was opened on \
    24 May 1883 and took 14 years to build. Washington Roebling led the work after his father had died. \
    The bridge is open to pedestrians and cyclists at all hours. Trucks are not allowed on its roadway.";

const GERMAN: &str = "Die Elbphilharmonie ist ein Konzerthaus in der Hamburger Hafencity. Sie wurde am 11. Januar 2017 \
    eröffnet und kostete 866 Millionen Euro. Der große Saal hat 2100 Plätze. Entworfen haben das Gebäude die Schweizer \
    Architekten Herzog und de Meuron. Der Besuch der Plaza ist kostenlos, doch der Hund darf nicht mit.";

fn grounded(source: &str, answer: &str) -> (Grounded, Passages) {
    let (runtime, embedder, _) = support::models();
    runtime.block_on(grounded_by(embedder, source, answer))
}

async fn grounded_by(embedder: &Embedder, source: &str, answer: &str) -> (Grounded, Passages) {
    let grounder = Grounder::shipped().expect("the model fits");
    let passages = Passages::read(embedder, &[source]).await.expect("the encoder answers");
    let held = ground_text(&grounder, embedder, answer, &passages).await.expect("the encoder answers");
    (held, passages)
}

fn cited(held: &Grounded, passages: &Passages) -> Vec<String> {
    let sentences = passages.sources().sentences();
    let cited = held.sentences.iter().flat_map(|sentence| &sentence.support.cited);
    cited.map(|citation| sentences[citation.source].text.to_string()).collect()
}

#[test]
fn a_copied_sentence_is_borne_out_by_exactly_that_sentence() {
    for source in [ENGLISH, GERMAN] {
        for range in plugins::sentences(source, None) {
            let sentence = &source[range];
            let (held, passages) = grounded(source, sentence);
            assert!(held.probability >= 0.99, "{sentence}: {}", held.probability);
            assert_eq!(cited(&held, &passages), [sentence]);
        }
    }
}

#[test]
fn a_sentence_with_its_facts_in_other_words_is_borne_out_and_cites_where_they_stand() {
    for (source, claim, where_it_stands) in [
        (ENGLISH, "The bridge was opened in May 1883.", "It was opened"),
        (ENGLISH, "The Brooklyn Bridge crosses the East River.", "The Brooklyn Bridge crosses"),
        (ENGLISH, "Pedestrians and cyclists may use the bridge at all hours.", "The bridge is open"),
        (GERMAN, "Die Elbphilharmonie ist ein Konzerthaus in Hamburg.", "Die Elbphilharmonie ist"),
        (GERMAN, "Der große Saal der Elbphilharmonie hat 2.100 Plätze.", "Der große Saal"),
        (GERMAN, "Sie wurde im Januar 2017 eröffnet.", "Sie wurde am"),
    ] {
        let (held, passages) = grounded(source, claim);
        assert!(held.probability > 0.5, "{claim}: {}", held.probability);
        let cited = cited(&held, &passages);
        assert!(cited.iter().any(|sentence| sentence.starts_with(where_it_stands)), "{claim}: {cited:?}");
    }
}

#[test]
fn a_sentence_with_one_thing_changed_is_not_borne_out() {
    for (source, changed) in [
        (ENGLISH, "It was opened on 24 May 1893 and took 14 years to build."),
        (ENGLISH, "It was opened on 24 May 1883 and took 15 years to build."),
        (ENGLISH, "The Brooklyn Bridge crosses the Hudson River between Manhattan and Brooklyn."),
        (ENGLISH, "The bridge is not open to pedestrians and cyclists at all hours."),
        (ENGLISH, "The bridge is closed to pedestrians and cyclists at all hours."),
        (GERMAN, "Sie wurde am 11. Januar 2007 eröffnet und kostete 866 Millionen Euro."),
        (GERMAN, "Sie wurde am 11. Januar 2017 eröffnet und kostete 966 Millionen Euro."),
        (GERMAN, "Die Elbphilharmonie ist ein Konzerthaus in der Bremer Hafencity."),
        (GERMAN, "Die Elbphilharmonie ist kein Konzerthaus in der Hamburger Hafencity."),
        (GERMAN, "Der kleine Saal hat 2100 Plätze."),
    ] {
        let (held, _) = grounded(source, changed);
        assert!(held.probability < 0.5, "{changed}: {}", held.probability);
    }
}

#[test]
fn a_sentence_about_something_else_is_not_borne_out() {
    for source in [ENGLISH, GERMAN] {
        for claim in [
            "Sourdough bread needs a starter of flour and water.",
            "I really love it, you should go there!",
            "Der Igel hält von November bis März Winterschlaf.",
        ] {
            let (held, _) = grounded(source, claim);
            assert!(held.probability < 0.2, "{claim}: {}", held.probability);
        }
    }
}

#[test]
fn one_foreign_sentence_makes_a_whole_answer_doubtful_and_only_that_sentence() {
    let copied = "Trucks are not allowed on its roadway.";
    let (held, _) =
        grounded(ENGLISH, &format!("{copied} Elephants once carried 300 pianos across it. {copied}"));
    let supports: Vec<f32> = held.sentences.iter().map(|sentence| sentence.support.probability).collect();
    assert!(supports[0] > 0.99 && supports[1] < 0.5 && supports[2] > 0.99, "{supports:?}");
    assert!(held.probability < 0.5);
}

#[test]
fn a_sentence_made_of_two_cites_both() {
    let claim = "Washington Roebling led the work after his father had died, and trucks are not allowed on its roadway.";
    let (held, passages) = grounded(ENGLISH, claim);
    let cited = cited(&held, &passages);
    assert!(cited.iter().any(|sentence| sentence.starts_with("Washington")), "{cited:?}");
    assert!(cited.iter().any(|sentence| sentence.starts_with("Trucks")), "{cited:?}");
}

#[test]
fn spans_are_those_of_the_answer_and_of_its_documents() {
    let (runtime, embedder, _) = support::models();
    let grounder = Grounder::shipped().expect("the model fits");
    let documents = [ENGLISH, "", GERMAN];
    runtime.block_on(async {
        let passages = Passages::read(embedder, &documents).await.expect("the encoder answers");
        for sentence in passages.sources().sentences() {
            assert_eq!(&documents[sentence.document][sentence.range.clone()], &*sentence.text);
        }
        let answer = "  Der große Saal hat 2100 Plätze.\n\nTrucks are not allowed on its roadway. ";
        let held = ground_text(&grounder, embedder, answer, &passages).await.expect("the encoder answers");
        let texts: Vec<&str> = held.sentences.iter().map(|part| &answer[part.range.clone()]).collect();
        assert_eq!(texts, ["Der große Saal hat 2100 Plätze.", "Trucks are not allowed on its roadway."]);
        let documents = held.sentences.iter().map(|part| {
            let [citation] = part.support.cited.as_slice() else { panic!("a copy cites one sentence") };
            passages.sources().sentences()[citation.source].document
        });
        assert_eq!(documents.collect::<Vec<_>>(), [2, 0]);
    });
}

#[test]
fn without_sources_nothing_is_borne_out_and_without_an_answer_nothing_is_claimed() {
    let (nothing, _) = grounded("", "The bridge was opened in 1883.");
    assert_eq!((nothing.probability, nothing.sentences[0].support.cited.len()), (0.0, 0));
    let (silent, _) = grounded(ENGLISH, " \n ");
    assert_eq!((silent.probability, silent.sentences.len()), (1.0, 0));
}

#[test]
fn a_text_without_sentences_or_bounds_is_held_against_its_source_all_the_same() {
    let endless = "bridge ".repeat(20_000);
    let (long_answer, _) = grounded(ENGLISH, &endless[..40_000]);
    assert!((0.0..=1.0).contains(&long_answer.probability));
    let letters = "x".repeat(5_000);
    let (long_source, passages) = grounded(&letters, "Who built the bridge?");
    assert!(long_source.probability < 0.5);
    assert!(passages.sources().sentences().len() > 1);
}

/// A unit vector that only depends on its seed.
fn vector(seed: u16) -> Vec<f32> {
    let values: Vec<f32> = (1..=16_u16).map(|at| (f32::from(seed * 7 + at * at) * 0.37).sin()).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| value / length).collect()
}

proptest! {
    #[test]
    fn a_probability_is_one_and_citations_ascend_and_are_there(
        claim in "(\\PC{0,20}|(the|not|two|Bridge|brücke|1,000|opened|kein| )*)",
        texts in prop::collection::vec("(\\PC{0,20}|(the|not|three|bridge|brücke|1000|open|kein|wide|narrow| )*)", 0..12),
        seed in 0_u16..50,
    ) {
        let grounder = Grounder::shipped().expect("the model fits");
        let sentences = texts.iter().zip(0..).map(|(text, place)| SourceSentence {
            document: usize::from(place) / 3,
            range: 0..text.len(),
            text: text.as_str().into(),
            vector: vector(place).into(),
        });
        let sources = Sources::new(sentences.collect());
        let support = grounder.support(&claim, &vector(seed), &sources);
        prop_assert!((0.0..=1.0).contains(&support.probability));
        prop_assert!(support.features.values.iter().all(|(_, value)| value.is_finite()));
        let places: Vec<usize> = support.cited.iter().map(|citation: &Citation| citation.source).collect();
        prop_assert!(places.is_sorted_by(|a, b| a < b) && places.iter().all(|place| *place < texts.len()));
        prop_assert!(support.cited.iter().all(|citation| (0.0..=1.0).contains(&citation.weight)));
        prop_assert_eq!(&grounder.support(&claim, &vector(seed), &sources), &support);
    }

    #[test]
    fn a_copy_is_borne_out_whatever_stands_beside_it(before in 0_usize..40, after in 0_usize..40) {
        let grounder = Grounder::shipped().expect("the model fits");
        let copied = "Trucks are not allowed on its roadway.";
        let others = (0..before + after).map(|place| format!("Sentence {place} is not about trucks and roadways."));
        let mut texts: Vec<String> = others.collect();
        texts.insert(before, copied.to_owned());
        let sentences = texts.iter().zip(0..).map(|(text, place)| SourceSentence {
            document: 0,
            range: 0..text.len(),
            text: text.as_str().into(),
            vector: vector(place).into(),
        });
        let support = grounder.support(copied, &vector(1), &Sources::new(sentences.collect()));
        prop_assert!(support.probability >= 0.99);
        prop_assert_eq!(support.cited.len(), 1);
        prop_assert_eq!(support.cited[0].source, before);
    }
}
