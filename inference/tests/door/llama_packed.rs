//! Weights kept packed on disk: the same numbers, made once, and never a wrong one.

use std::{fs, path::Path, time::SystemTime};

use inference::{Llama, LlamaOptions, Precision};

use crate::{
    import_support::{Target, checkpoint, import},
    llama_support::options,
    support::runtime,
};

/// A model with graphs of its own for scoring, and some of its tokens.
fn model() -> (Target, Vec<u32>) {
    let (checkpoint, to) = (checkpoint("gqa"), Target::new());
    import(checkpoint.write().path(), &to.path(), Precision::Int8).expect("imported");
    (to, checkpoint.logits[0].ids.clone())
}

/// The bits of what a model says behind `ids`, and what it goes on with.
async fn said(folder: &Path, packed: Option<&Path>, ids: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let options = LlamaOptions { packed: packed.map(Path::to_owned), ..options() };
    let llama = Llama::load(runtime(), folder, &options).expect("a LLaMA");
    let (prefix, rest) = ids.split_at(ids.len() / 2);
    let logits = llama.logits(prefix, rest).await.expect("logits");
    let text = llama.continued(ids, 20).await.expect("a text");
    (logits.into_iter().map(f32::to_bits).collect(), text.ids)
}

/// Every file that was kept, when it was written, and its name.
fn kept(place: &Path) -> Vec<(SystemTime, String)> {
    let folder = fs::read_dir(place).expect("a folder").next().expect("one model").expect("readable").path();
    let mut files: Vec<_> = fs::read_dir(folder).expect("files").map(|file| file.expect("a file")).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let described = |file: &fs::DirEntry| {
        let written = file.metadata().expect("metadata").modified().expect("a time");
        (written, file.path().display().to_string())
    };
    files.iter().map(described).collect()
}

#[tokio::test]
async fn weights_kept_packed_give_the_same_to_the_bit_and_are_packed_once() {
    let ((model, ids), place) = (model(), tempfile::tempdir().expect("a folder"));
    let expected = said(&model.path(), None, &ids).await;
    assert_eq!(said(&model.path(), Some(place.path()), &ids).await, expected);
    let first = kept(place.path());
    let names: Vec<&str> = first.iter().filter_map(|(_, path)| path.rsplit(['/', '\\']).next()).collect();
    assert_eq!(names, ["model.data", "model.onnx", "model.probe", "score.data", "score.onnx", "score.probe"]);
    assert_eq!(said(&model.path(), Some(place.path()), &ids).await, expected);
    assert_eq!(kept(place.path()), first, "nothing was written again");
}

#[tokio::test]
async fn kept_weights_that_compute_something_else_are_packed_anew() {
    let ((model, ids), place) = (model(), tempfile::tempdir().expect("a folder"));
    let expected = said(&model.path(), Some(place.path()), &ids).await;
    for spoilt in ["score.data", "model.data"] {
        for length in [usize::MAX, 1000] {
            let files = kept(place.path());
            let (_, path) = files.iter().find(|(_, path)| path.ends_with(spoilt)).expect("the weights");
            let bytes = fs::read(path).expect("the weights");
            fs::write(path, vec![1; bytes.len().min(length)]).expect("written");
            assert_eq!(said(&model.path(), Some(place.path()), &ids).await, expected, "{spoilt} {length}");
            assert_eq!(fs::read(path).expect("the weights").len(), bytes.len());
        }
    }
}

#[tokio::test]
async fn where_nothing_can_be_kept_a_model_serves_all_the_same() {
    let (model, ids) = model();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let expected = said(&model.path(), None, &ids).await;
    assert_eq!(said(&model.path(), Some(file.path()), &ids).await, expected);
}
