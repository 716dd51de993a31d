//! A LLaMA at its public door: what it computes, against the reference implementation.

use inference::{Finish, Llama, Prompt, Turn};

use crate::{
    llama_support::{Golden, folder_with, golden, kept, llama, load, text_of},
    support::{distance, model},
};

const RANDOM: [&str; 2] = ["golden-llama/mha", "golden-llama/gqa"];
/// Largest difference from the reference's logits.
const CLOSE: f32 = 1e-3;

async fn assert_as_the_reference(llama: &Llama, golden: &Golden) {
    let mut worst: f32 = 0.0;
    for expected in &golden.ragged {
        let logits = llama.logits(&[], &expected.ids).await.expect("logits");
        worst = worst.max(distance(&kept(&logits, &golden.logit_indices), &expected.logits));
    }
    for expected in &golden.cached.suffixes {
        let logits = llama.logits(&golden.cached.prefix, &expected.ids).await.expect("logits");
        worst = worst.max(distance(&kept(&logits, &golden.logit_indices), &expected.logits));
    }
    println!("largest difference from the reference: {worst:e}");
    assert!(worst < CLOSE, "{worst}");
}

#[tokio::test]
async fn logits_are_those_of_the_reference_with_and_without_a_prefix() {
    for name in ["golden-llama/mha", "golden-llama/gqa", "tiny-llama"] {
        assert_as_the_reference(&llama(name), &golden(name)).await;
    }
}

#[tokio::test]
async fn a_graph_that_cannot_share_its_buffer_gives_the_same_logits() {
    for name in RANDOM {
        let config = text_of(name, "genai_config.json");
        let separate =
            config.replace("\"past_present_share_buffer\": true", "\"past_present_share_buffer\": false");
        assert_ne!(config, separate);
        let folder = folder_with(name, &[("genai_config.json", &separate)]);
        assert_as_the_reference(&load(folder.path()), &golden(name)).await;
    }
}

/// A field of a protobuf message, as long as its content is short.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[(number << 3) | 2, u8::try_from(content.len()).expect("short")], content].concat()
}

/// Adds to a graph: an input `position_ids`, and an output `last`: the last row of `logits`, with the last position
/// added, in half precision.
fn with_positions_and_last_logits(mut file: Vec<u8>) -> Vec<u8> {
    let value = |name: &[u8], kind: u8| [field(1, name), field(2, &field(1, &[0x08, kind]))].concat();
    let integer = |name: &[u8], number: u8| {
        let bytes = if number == 255 { [255; 8] } else { [number, 0, 0, 0, 0, 0, 0, 0] };
        field(5, &[vec![0x08, 1, 0x10, 7], field(8, name), field(9, &bytes)].concat())
    };
    let node = |inputs: &[&[u8]], output: &[u8], operator: &[u8], attribute: &[u8]| {
        let inputs = inputs.iter().flat_map(|name| field(1, name)).collect();
        field(1, &[inputs, field(2, output), field(4, operator), attribute.to_vec()].concat())
    };
    let to = |kind: u8| field(5, &[field(1, b"to"), vec![0x18, kind, 0xa0, 0x01, 2]].concat());
    let added = [
        field(11, &value(b"position_ids", 7)),
        integer(b"at", 255),
        integer(b"axis", 1),
        integer(b"end", 100),
        node(&[b"logits", b"at", b"end", b"axis"], b"row", b"Slice", &[]),
        node(&[b"position_ids", b"at", b"end", b"axis"], b"whole", b"Slice", &[]),
        node(&[b"whole"], b"position", b"Cast", &to(1)),
        node(&[b"row", b"position"], b"sum", b"Add", &[]),
        node(&[b"sum"], b"last", b"Cast", &to(10)),
        field(12, &value(b"last", 10)),
    ];
    // Of a message that occurs twice, the second is added to the first: this reopens the graph, in parts.
    for part in added {
        file.extend(field(7, &part));
    }
    file
}

#[tokio::test]
async fn a_graph_that_wants_positions_and_gives_half_precise_last_logits_is_understood() {
    let config = text_of("golden-llama/gqa", "genai_config.json");
    let renamed = config.replace("\"logits\": \"logits\"", "\"logits\": \"last\"");
    assert_ne!(config, renamed);
    let folder = folder_with("golden-llama/gqa", &[("genai_config.json", &renamed)]);
    let graph = std::fs::read(model("golden-llama/gqa/model.onnx")).expect("the graph");
    std::fs::write(folder.path().join("model.onnx"), with_positions_and_last_logits(graph)).expect("written");
    let llama = load(folder.path());
    let golden: Golden = golden("golden-llama/gqa");
    let prefix = &golden.cached.prefix;
    let alone = golden.ragged.iter().map(|expected| (&[][..], expected));
    for (prefix, expected) in alone.chain(golden.cached.suffixes.iter().map(|suffix| (&prefix[..], suffix))) {
        let logits = llama.logits(prefix, &expected.ids).await.expect("logits");
        let position = f32::from(u16::try_from(prefix.len() + expected.ids.len() - 1).expect("few"));
        let plain: Vec<f32> = logits.iter().map(|logit| logit - position).collect();
        let off = distance(&kept(&plain, &golden.logit_indices), &expected.logits);
        assert!(off > 0.0 && off < 0.03, "as far off as half precision is: {off}");
    }
}

#[tokio::test]
async fn a_hundred_tokens_follow_as_in_the_reference() {
    for name in RANDOM {
        let Golden { greedy, .. } = golden(name);
        let llama = llama(name);
        let mut ids = greedy.prompt.clone();
        // Token by token through logits, and at once through the buffer of a generation.
        for expected in &greedy.ids[..10] {
            let logits = llama.logits(&greedy.prompt, &ids[greedy.prompt.len()..]).await.expect("logits");
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("logits").0;
            assert_eq!(best, usize::try_from(*expected).expect("small"));
            ids.push(*expected);
        }
        let generated = llama.continued(&greedy.prompt, 100).await.expect("generated");
        assert_eq!((generated.ids, generated.finish), (greedy.ids, Finish::Length), "{name}");
    }
}

#[tokio::test]
async fn a_chat_model_answers_what_it_knows_by_heart_and_stops() {
    let llama = llama("tiny-llama");
    let Golden { chat, .. } = golden("tiny-llama");
    assert!(!chat.is_empty());
    for known in chat {
        let question = known.prompt.trim_start_matches("[INST] ").trim_end_matches(" [/INST]");
        let prompt = Prompt::chat(None, &[], question);
        assert_eq!(llama.prompt_ids(&prompt).expect("ids"), known.prompt_ids);
        let generated = llama.generate(&prompt, 200).await.expect("an answer");
        let (end, said) = known.ids.split_last().expect("an answer");
        assert_eq!((*end, generated.finish), (2, Finish::End));
        assert_eq!((generated.ids.as_slice(), generated.text), (said, known.text));
    }
}

#[tokio::test]
async fn finished_turns_stand_between_their_own_control_tokens() {
    let llama = llama("tiny-llama");
    let turns = [Turn { user: " one ", assistant: " two\n" }];
    let ids = llama.prompt_ids(&Prompt::chat(Some("Be kind."), &turns, "three")).expect("ids");
    let of = |text: &str| llama.tokenizer().tokenize(text).expect("ids");
    let first = of("[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\none [/INST] two ");
    let expected = [vec![1], first, vec![2, 1], of("[INST] three [/INST]")].concat();
    assert_eq!(ids, expected);
    assert_eq!(llama.prompt_ids(&Prompt::raw("")).expect("ids"), [1]);
}

/// The log-probability of the last of `ids` after the others, from logits.
async fn by_logits(llama: &Llama, ids: &[u32]) -> f64 {
    let (last, before) = ids.split_last().expect("ids");
    let logits = llama.logits(&[], before).await.expect("logits");
    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    f64::from(logits[usize::try_from(*last).expect("small")]) - sum.ln()
}

#[tokio::test]
async fn a_choice_scores_the_sum_of_its_tokens_over_the_whole_vocabulary() {
    // Random weights: no token is certain, so each counts.
    let llama = llama("golden-llama/gqa");
    let (prefix, suffix) = ("What is", " a lamassu?");
    let of = |text: &str| {
        let ids = llama.tokenizer().tokenize(text).expect("ids");
        [vec![1], ids].concat()
    };
    let start = of(&format!("{prefix}{suffix}"));
    let choices = ["", "x", " A guardian", " A guard", "é", "?!"].map(str::to_owned);
    let scored =
        llama.score(prefix, &[suffix.to_owned(), suffix.to_owned()], &choices).await.expect("scores");
    assert_eq!(scored.log_probabilities[0], scored.log_probabilities[1]);
    for (choice, found) in choices.iter().zip(&scored.log_probabilities[0]) {
        let whole = of(&format!("{prefix}{suffix}{choice}"));
        assert!(whole.starts_with(&start));
        let mut expected = 0.0;
        for end in start.len() + 1..=whole.len() {
            expected += by_logits(&llama, &whole[..end]).await;
        }
        println!("{choice:?}: {found} and {expected} from logits");
        assert!((found - expected).abs() < 1e-4, "{choice:?}: {found} {expected}");
    }
}

#[test]
fn no_text_becomes_a_control_token() {
    for name in ["guard", "tiny-llama"] {
        let llama = llama(name);
        for text in ["</s>", "<s>", "a <unk> b</s><s>", "<0x00>\u{0}", ""] {
            let ids = llama.tokenizer().tokenize(text).expect("ids");
            assert!(ids.iter().all(|id| *id > 2), "{text:?}: {ids:?}");
            let written = llama.tokenizer().detokenize(&ids).expect("text");
            assert_eq!(written, text);
        }
    }
}

#[tokio::test]
async fn a_word_across_the_border_of_prefix_and_suffix_is_cut_as_if_there_were_none() {
    let llama = load(&model("guard"));
    let choices = [" safe".to_owned(), " unsafe".to_owned()];
    let (prefix, suffixes) = ("You are a path", ["etic loser".to_owned(), " to follow".to_owned()]);
    let of = |text: &str| llama.tokenizer().tokenize(text).expect("ids");
    assert!(!of("You are a pathetic loser").starts_with(&of(prefix)), "the border is inside a token");
    for _ in 0..2 {
        let scored = llama.score(prefix, &suffixes, &choices).await.expect("scores");
        for (suffix, found) in suffixes.iter().zip(&scored.log_probabilities) {
            let whole = llama.score("", &[format!("{prefix}{suffix}")], &choices).await.expect("scores");
            for (found, expected) in found.iter().zip(&whole.log_probabilities[0]) {
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }
}

#[tokio::test]
async fn a_buffer_that_grows_keeps_what_was_read() {
    let llama = load(&model("guard"));
    let ids: Vec<u32> = (1000..2100).collect();
    let (prefix, rest) = ids.split_at(200);
    llama.logits(prefix, &rest[..20]).await.expect("logits");
    let grown = llama.logits(prefix, rest).await.expect("logits");
    let whole = load(&model("guard")).logits(&[], &ids).await.expect("logits");
    assert!(distance(&grown, &whole) < CLOSE, "{}", distance(&grown, &whole));
}
