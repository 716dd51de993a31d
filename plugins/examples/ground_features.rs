//! What `models/train/ground.py` learns from: the measurements that the program takes, as JSON lines.
//!
//! Reads `{"id","text","context"}` lines on standard input. Writes a line with the measurements' names, then for each
//! line read, in the same order, `{"id","claims":[{"values":[…],"words":[…],"probability"}],"probability"}`.
//!
//! ```sh
//! zcat begin.jsonl.gz | cargo run --release -p plugins --example ground_features > features.jsonl
//! ```

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;

use inference::{Embedder, EmbedderOptions, Runtime, SetUp};
use plugins::{Grounder, Passages, Support, ground_text};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Row {
    id: String,
    text: String,
    context: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let embedder = encoder()?;
    let grounder = Grounder::shipped()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", json!({ "names": plugins::Features::names() }))?;
    let mut last: Option<(String, Passages)> = None;
    for line in std::io::stdin().lock().lines() {
        let row: Row = serde_json::from_str(&line?)?;
        let passages = match last.take() {
            Some((context, passages)) if context == row.context => passages,
            _ => Passages::read(&embedder, &[&row.context]).await?,
        };
        let held = ground_text(&grounder, &embedder, &row.text, &passages).await?;
        let claims: Vec<Value> = held.sentences.iter().map(|sentence| shown(&sentence.support)).collect();
        writeln!(out, "{}", json!({ "id": row.id, "claims": claims, "probability": held.probability }))?;
        last = Some((row.context, passages));
    }
    out.flush()?;
    Ok(())
}

fn shown(support: &Support) -> Value {
    let values: Vec<f32> = support.features.values.iter().map(|(_, value)| *value).collect();
    json!({ "values": values, "words": support.features.words, "probability": support.probability })
}

fn encoder() -> Result<Embedder, Box<dyn Error>> {
    let setup = SetUp::for_this_user()?;
    let runtime = Runtime::load(&setup.runtime()?)?;
    let graph = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/encoder/model.onnx");
    Ok(Embedder::load(runtime, &setup.encoder()?, &graph, &EmbedderOptions::default())?)
}
