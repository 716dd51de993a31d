#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
//! scratch: lines in; sentences with base, with-head-1 and head score out
use inference::{Classifier, Embedder, EmbedderOptions, Runtime as Onnx, SetUp};
use std::io::BufRead;
#[tokio::main]
async fn main() {
    let setup = SetUp::for_this_user().unwrap();
    let onnx = Onnx::load(&setup.runtime().unwrap()).unwrap();
    let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let e = Embedder::load(
        onnx,
        &setup.encoder().unwrap(),
        &models.join("encoder/model.onnx"),
        &EmbedderOptions::default(),
    )
    .unwrap();
    let c = Classifier::load(&models.join("heads/heads.safetensors"), e.weights_digest()).unwrap();
    let at = c.labels().iter().position(|l| l == "prompt-attack").unwrap();
    for line in std::io::stdin().lock().lines() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let id = row["id"].as_str().unwrap();
        if !Classifier::is_held_out(id) {
            continue;
        }
        let text = row["text"].as_str().unwrap();
        let s: Vec<&str> = plugins::sentences(text, None).into_iter().map(|r| &text[r]).collect();
        let base = plugins::shield::attacks(&s, None);
        let ones = vec![1.0f32; s.len()];
        let with = plugins::shield::attacks(&s, Some(&ones));
        let mut heads = Vec::new();
        for chunk in s.chunks(32) {
            let cut: Vec<&str> = chunk
                .iter()
                .map(|t| {
                    let r = e.windows(t).unwrap();
                    &t[r[0].clone()]
                })
                .collect();
            for (v, t) in e.embed(&cut).await.unwrap().into_iter().zip(&cut) {
                heads.push(c.classify(&v.vector, t)[at].probability);
            }
        }
        let out: Vec<_> = (0..s.len())
            .map(|i| serde_json::json!([base[i].is_some(), with[i].is_some(), heads[i]]))
            .collect();
        println!("{}", serde_json::json!({"id": id, "source": row["source"], "s": out}));
    }
}
