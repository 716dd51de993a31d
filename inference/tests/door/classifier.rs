//! The heads at their public door.

use std::{collections::HashMap, fs, path::Path};

use inference::{Classifier, Embedding, Score, Weights, setup::ENCODER_WEIGHTS_SHA256};
use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;

use crate::support::{embedder, model};

const BUCKETS: usize = 65536;

/// The bucket of the word "a", by `models/train/features.py`. The text "a" has one feature more: its 3-gram.
const WORD_A: usize = 32370;

/// The digest of a reader.
const READER: &str = "reads";

fn weights() -> Weights {
    Weights { encoder: ENCODER_WEIGHTS_SHA256.to_owned(), reader: READER.to_owned() }
}

/// An embedding that is 0 but for one number of each half.
fn embedding(vector: f32, reading: f32) -> Embedding {
    let half = |first| -> Vec<f32> { std::iter::once(first).chain([0.0; 383]).collect() };
    Embedding { vector: half(vector).into(), reading: half(reading).into(), cached: false }
}

/// Heads of two labels, `calm` and `angry`, in a file; `change` may spoil them.
struct Made {
    metadata: HashMap<String, String>,
    tensors: Vec<(&'static str, Dtype, Vec<usize>, Vec<u8>)>,
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn made() -> Made {
    let metadata = [
        ("format", "lamassu-heads-2"),
        ("labels", r#"["calm","angry"]"#),
        ("buckets", "65536"),
        ("encoder", ENCODER_WEIGHTS_SHA256),
        ("reader", READER),
    ];
    let mut dense = vec![0.0; 2 * 768];
    dense[768] = 2.0;
    dense[768 + 384] = 4.0;
    let mut ngrams = vec![0; 2 * BUCKETS];
    ngrams[BUCKETS + WORD_A] = 100;
    let cuts = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
    Made {
        metadata: metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        tensors: vec![
            ("dense", Dtype::F32, vec![2, 768], floats(&dense)),
            ("ngrams", Dtype::I8, vec![2, BUCKETS], ngrams),
            ("ngram_scale", Dtype::F32, vec![2], floats(&[1.0, 0.01])),
            ("bias", Dtype::F32, vec![2], floats(&[-1.0, 0.25])),
            ("calibration", Dtype::F32, vec![2, 2], floats(&[1.0, 0.0, 0.5, 0.1])),
            ("severity_cuts", Dtype::F32, vec![2, 7], floats(&[cuts, cuts].concat())),
        ],
    }
}

impl Made {
    fn load(&self, weights: &Weights) -> Result<Classifier, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("heads.safetensors");
        let views = self.tensors.iter().map(|(name, dtype, shape, data)| {
            (*name, TensorView::new(*dtype, shape.clone(), data).expect("a tensor"))
        });
        let file = safetensors::serialize(views, Some(self.metadata.clone())).expect("a file");
        fs::write(&path, file).expect("written");
        Classifier::load(&path, weights).map_err(|error| {
            let message = error.to_string();
            assert!(message.contains("heads.safetensors"), "names the file: {message}");
            message
        })
    }

    fn refused(&self, reason: &str) {
        let message = self.load(&weights()).expect_err("a file that cannot be used");
        assert!(message.contains(reason), "{message}");
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[test]
fn a_score_is_the_calibrated_sum_of_vector_reading_and_features() {
    let classifier = made().load(&weights()).expect("heads");
    assert_eq!(classifier.labels(), ["calm", "angry"]);
    let embedding = embedding(0.5, -0.0625);
    let scores = classifier.classify(&embedding, "  A\n");
    let angry = 2.0 * 0.5 - 4.0 * 0.0625 + 0.01 * 100.0 / 2.0_f32.sqrt() + 0.25;
    let expected = [sigmoid(-1.0), sigmoid(0.5 * angry + 0.1)];
    for (Score { probability, .. }, expected) in scores.iter().zip(expected) {
        assert!((probability - expected).abs() < 1e-6, "{probability} {expected}");
    }
    assert_eq!(scores.iter().map(|score| score.severity).collect::<Vec<_>>(), [2, 7]);
    let without = classifier.classify(&embedding, "b");
    assert!((without[1].probability - sigmoid(0.5 * 1.0 + 0.1)).abs() < 1e-6);
}

#[test]
fn a_text_without_features_is_scored_by_its_embedding() {
    let classifier = made().load(&weights()).expect("heads");
    let [calm, _] = classifier.classify(&embedding(0.0, 0.0), "")[..] else { panic!("two scores") };
    assert!((calm.probability - sigmoid(-1.0)).abs() < 1e-6);
}

#[test]
fn heads_of_another_encoder_or_another_reader_are_refused() {
    let another = || "another".to_owned();
    let message = made().load(&Weights { encoder: another(), ..weights() }).expect_err("another encoder");
    assert!(message.ends_with("but the encoder loaded is another"), "{message}");
    let message = made().load(&Weights { reader: another(), ..weights() }).expect_err("another reader");
    assert!(message.ends_with("trained on the reader reads, but the reader loaded is another"), "{message}");
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("/nowhere/heads.safetensors");
    let error = Classifier::load(path, &weights()).expect_err("no file");
    assert_eq!(error.to_string(), "cannot read `/nowhere/heads.safetensors`");
}

#[test]
fn a_file_of_another_format_is_refused_with_the_reason() {
    let mut other = made();
    other.metadata.insert("format".to_owned(), "lamassu-heads-1".to_owned());
    other.refused("its format is `lamassu-heads-1`, this program reads `lamassu-heads-2`");
    let mut readerless = made();
    readerless.metadata.remove("reader");
    readerless.refused("its metadata has no `reader`");
    let mut narrow = made();
    (narrow.tensors[0].2, narrow.tensors[0].3) = (vec![2, 384], floats(&[0.0; 768]));
    narrow.refused("its tensor `dense` is F32 [2, 384], not F32 [2, 768]");
    let mut nameless = made();
    nameless.metadata.remove("labels");
    nameless.refused("its metadata has no `labels`");
    let mut short = made();
    short.tensors.remove(0);
    short.refused("it has no tensor `dense`");
    let mut crooked = made();
    crooked.metadata.insert("buckets".to_owned(), "1024".to_owned());
    crooked.refused("its tensor `ngrams` is I8 [2, 65536], not I8 [2, 1024]");
    let mut broken = made();
    broken.tensors[3].3 = floats(&[f32::NAN, 0.0]);
    broken.refused("its tensor `bias` has values that are not finite");
    let mut steep = made();
    steep.tensors[5].3 = floats(&[[0.5; 7], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]].concat());
    steep.refused("its `severity_cuts` do not ascend");
}

#[test]
fn a_file_cut_short_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("heads.safetensors");
    let whole = fs::read(model("heads/heads.safetensors")).expect("the shipped heads");
    fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    let error = Classifier::load(&path, &weights()).expect_err("half a file");
    assert!(error.to_string().contains("heads.safetensors` cannot be used: "), "{error}");
}

/// Texts and what the recipe that trained the heads makes of them.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    probabilities: Vec<Vec<f32>>,
}

#[tokio::test]
async fn the_shipped_heads_score_as_in_the_recipe() {
    let path = model("heads/heads.safetensors");
    let classifier = Classifier::load(&path, embedder().weights()).expect("the shipped heads");
    let golden = fs::read(model("heads/golden.json")).expect("the golden file");
    let golden: Golden = serde_json::from_slice(&golden).expect("a readable golden file");
    assert!(golden.texts.len() >= 20);
    let mut worst: f32 = 0.0;
    for (text, expected) in golden.texts.iter().zip(&golden.probabilities) {
        let [embedding] = &embedder().embed(&[text]).await.expect("one window")[..] else {
            panic!("one vector")
        };
        let scores = classifier.classify(embedding, text);
        assert_eq!(scores.len(), expected.len());
        for (score, expected) in scores.iter().zip(expected) {
            worst = worst.max((score.probability - expected).abs());
        }
    }
    println!("largest difference from the recipe: {worst:e}");
    assert!(worst < 1e-3, "{worst}");
}
