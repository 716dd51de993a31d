//! The guard's prompts and probabilities, against the code that trained it.

use inference::{GuardCase, GuardCategory, GuardClause, GuardPrecedent, GuardPrompt, Llama, Role};

use crate::llama_support::{GuardGolden, golden, llama};

/// The cases that the golden file's prompts were made of, in its order.
fn cases() -> [GuardCase<'static>; 4] {
    [
        GuardCase {
            text: "Thank you so much for the lovely evening, see you on Friday!",
            ..GuardCase::default()
        },
        GuardCase { text: "You are a worthless idiot and nobody here wants you.", ..GuardCase::default() },
        GuardCase {
            text: "Shut up, you pathetic clown.",
            precedents: &[
                GuardPrecedent {
                    action: "block",
                    categories: &["harassment"],
                    similarity: 0.8,
                    text: "You pathetic loser, shut your mouth.",
                },
                GuardPrecedent {
                    action: "allow",
                    categories: &[],
                    similarity: 0.5,
                    text: "The clown at the party was funny and the children loved him.",
                },
            ],
            clauses: &[GuardClause {
                category: "harassment",
                text: "Do not insult or humiliate another person; criticize what they say or do instead.",
            }],
            ..GuardCase::default()
        },
        GuardCase {
            text: "Wer hat morgen Zeit, mit mir den Garten umzugraben?",
            precedents: &[GuardPrecedent {
                action: "allow",
                categories: &[],
                similarity: 0.7,
                text: "Wer hilft mir am Samstag im Garten?",
            }],
            ..GuardCase::default()
        },
    ]
}

fn guard(llama: &Llama) -> GuardPrompt {
    llama.guard().expect("a guard").clone()
}

#[test]
fn prompts_are_those_of_the_training_to_the_byte_and_to_the_token() {
    let (llama, golden) = (llama("guard"), golden::<GuardGolden>("guard"));
    let prompt = guard(&llama);
    let prefix = prompt.prefix(Role::User);
    for (case, expected) in cases().iter().zip(&golden.examples) {
        let whole = prefix.clone() + &prompt.suffix(case);
        assert_eq!(whole, expected.prompt);
        let ids = [vec![1], llama.tokenizer().tokenize(&whole).expect("ids")].concat();
        assert_eq!(ids, expected.ids);
    }
    assert_eq!(llama.count(&prefix).expect("tokens") + 1, golden.prefix_tokens);
}

#[tokio::test]
async fn the_probability_of_unsafe_is_that_of_the_exported_graph() {
    let (llama, golden) = (llama("guard"), golden::<GuardGolden>("guard"));
    let prompt = guard(&llama);
    let suffixes: Vec<String> = cases().iter().map(|case| prompt.suffix(case)).collect();
    let choices = [GuardPrompt::SAFE, GuardPrompt::UNSAFE].map(str::to_owned);
    let ids = [vec![golden.safe], vec![golden.unsafe_]];
    for (choice, id) in choices.iter().zip(&ids) {
        assert_eq!(&llama.tokenizer().tokenize(choice.trim()).expect("ids"), id);
    }
    let scored = llama.score(&prompt.prefix(Role::User), &suffixes, &choices).await.expect("scores");
    assert_eq!(scored.prefix_tokens, golden.prefix_tokens);
    for (row, expected) in scored.log_probabilities.iter().zip(&golden.examples) {
        let [safe, unsafe_] = row[..] else { panic!("two choices") };
        let found = 1.0 / (1.0 + (safe - unsafe_).exp());
        println!("{found:.5} and {:.5} in the reference", expected.p_unsafe_exported);
        assert!((found - expected.p_unsafe_exported).abs() < 1e-3);
    }
}

#[test]
fn a_guard_asks_about_the_categories_it_is_given() {
    let own = |name: &str, text: &str| GuardCategory { name: name.to_owned(), text: text.to_owned() };
    let prompt = guard(&llama("guard"))
        .with_categories(vec![own("politics", "Should not campaign.\nCan report."), own("hate", "No hate.")]);
    let prefix = prompt.prefix(Role::Agent);
    assert!(prefix.starts_with("[INST] Task: Check if there is unsafe content in 'Agent' messages"));
    assert!(prefix.ends_with(
        "<BEGIN UNSAFE CONTENT CATEGORIES>\nO1: politics.\nShould not campaign.\nCan report.\nO2: hate.\nNo hate.\n\
         <END UNSAFE CONTENT CATEGORIES>\n\n"
    ));
    assert_eq!((prompt.code("hate"), prompt.code("spam")), (Some("O2".to_owned()), None));
    let suffix = prompt.suffix(&GuardCase {
        role: Role::Agent,
        text: "  Vote!\n",
        clauses: &[
            GuardClause { category: "spam", text: "not asked about" },
            GuardClause { category: "hate", text: "two\nlines" },
        ],
        precedents: &[GuardPrecedent {
            action: "block",
            categories: &["hate", "spam", "politics"],
            similarity: 1.7,
            text: &"é ".repeat(200),
        }],
    });
    let precedent = "é ".repeat(48);
    let expected = format!(
        "<BEGIN CLAUSES>\n[C1] O2: two lines\n<END CLAUSES>\n\n<BEGIN PRECEDENTS>\n[P1] block 1.0 O1,O2: {}\n\
         <END PRECEDENTS>\n\n<BEGIN CONVERSATION>\n\nAgent: Vote!\n\n<END CONVERSATION>\n\nProvide your safety assessment \
         for Agent in",
        precedent.trim_end()
    );
    assert!(suffix.starts_with(&expected), "{suffix}");
}

#[test]
fn a_model_without_a_card_is_shown_400_characters_of_clauses_and_precedents() {
    let hate = GuardCategory { name: "hate".to_owned(), text: "No hate.".to_owned() };
    let prompt = GuardPrompt::new(vec![hate]);
    assert_eq!(prompt.code("hate").as_deref(), Some("O1"));
    let long = "word ".repeat(100);
    let suffix = prompt.suffix(&GuardCase {
        text: "x",
        clauses: &[GuardClause { category: "hate", text: &long }],
        precedents: &[GuardPrecedent { action: "allow", categories: &[], similarity: 0.25, text: &long }],
        ..GuardCase::default()
    });
    let shown = "word ".repeat(80);
    let whole = shown.trim_end();
    assert!(
        suffix.contains(&format!("\n[C1] O1: {whole}\n")) && suffix.contains(&format!(" 0.2: {whole}\n"))
    );
}
