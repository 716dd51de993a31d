//! The encoder's second half: the reader, whose weights lie beside the graph.

use std::{fs, path::Path};

use inference::{Embedder, InferenceError, setup::ENCODER_WEIGHTS_SHA256};

use crate::support::{embedder, forgetful, model, runtime, set_up};

const GRAPH: &str = "model.onnx";
const READER: &str = "reader.safetensors";

/// A folder with the shipped graph and reader, each as `change` leaves it.
fn encoder(change: impl Fn(&str, &mut Vec<u8>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [GRAPH, READER] {
        let mut file = fs::read(model("encoder").join(name)).expect("the shipped encoder");
        change(name, &mut file);
        fs::write(folder.path().join(name), file).expect("written");
    }
    folder
}

fn load(folder: &Path) -> Result<Embedder, InferenceError> {
    let weights = set_up().encoder().expect("the encoder's weights");
    Embedder::load(runtime(), &weights, &folder.join(GRAPH), &forgetful())
}

fn refused(folder: &Path, reason: &str) {
    let error = load(folder).expect_err("an encoder that cannot be used").to_string();
    assert!(error.contains(reason), "{error}");
}

/// Replaces `from` wherever it stands by as many bytes.
fn replace(file: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> = (0..file.len()).filter(|at| file[*at..].starts_with(from.as_bytes())).collect();
    assert!(!found.is_empty(), "{from} is there");
    for at in found {
        file[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
}

#[tokio::test]
async fn another_reader_reads_otherwise_and_leaves_vectors_and_their_digest_as_they_are() {
    let shipped = embedder();
    assert_eq!(shipped.weights().encoder, ENCODER_WEIGHTS_SHA256);
    // The file ends with the bytes of one tensor.
    let folder = encoder(|name, file| {
        if name == READER {
            let end = file.len();
            file[end - 256..].fill(0);
        }
    });
    let other = load(folder.path()).expect("an encoder");
    assert_eq!(other.vectors_digest(), shipped.vectors_digest());
    assert_ne!(other.digest(), shipped.digest());
    assert_ne!(other.weights().reader, shipped.weights().reader);
    assert_eq!(other.weights().encoder, shipped.weights().encoder);
    let texts = ["What a lovely day."];
    let (one, two) = (shipped.embed(&texts).await, other.embed(&texts).await);
    let (one, two) = (one.expect("embeddings"), two.expect("embeddings"));
    assert_eq!(one[0].vector, two[0].vector);
    assert_ne!(one[0].reading, two[0].reading);
}

#[test]
fn a_graph_without_a_reading_is_refused_and_named() {
    let folder = encoder(|name, file| {
        if name == GRAPH {
            replace(file, "reading", "reached");
        }
    });
    refused(folder.path(), "model.onnx` cannot be used: it has no output `reading`");
}

#[test]
fn a_reader_that_is_missing_or_cut_short_is_named() {
    let folder = encoder(|name, file| {
        if name == READER {
            file.truncate(file.len() / 2);
        }
    });
    refused(folder.path(), "reader.safetensors` cannot be used: it ends before `reader.");
    fs::remove_file(folder.path().join(READER)).expect("removed");
    let error = load(folder.path()).expect_err("no reader");
    assert!(matches!(&error, InferenceError::Read { path, .. } if path.ends_with(READER)), "{error}");
}

#[test]
fn a_graph_that_takes_weights_from_elsewhere_is_refused() {
    let folder = encoder(|name, file| {
        if name == GRAPH {
            replace(file, READER, "wander.safetensors");
        }
    });
    refused(folder.path(), "lies in `wander.safetensors`, which is not known");
}
