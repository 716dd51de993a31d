//! Weights kept on disk in the order that this processor's kernels like best.
//!
//! ONNX Runtime copies weights into that order whenever it opens a graph, and each process holds a copy of its own. What
//! is kept here is mapped instead: nothing is copied, it opens sooner, and processes share it. It is worth twice the
//! weights' room on disk, so an operator has to ask for it.
//!
//! *Source*: `session.save_external_prepacked_constant_initializers` in ONNX Runtime's
//! `onnxruntime_session_options_config_keys.h`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ort::{
    logging::LogLevel,
    session::{RunOptions, builder::GraphOptimizationLevel},
};

use super::{cache::Cache, folder::ModelFolder, graphs::GraphFile, session::LlamaSession};
use crate::open::Opening;

/// Smaller constants stay in the graph's own file.
const LEAST_BYTES: &str = "1024";
/// Tokens read to find out whether kept weights compute what they did when they were packed.
const PROBED: u32 = 16;

/// Where the packed graphs of one model are, for this processor and this ONNX Runtime.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    folder: PathBuf,
}

impl Packed {
    /// Of the model with this digest, within `place`.
    pub(super) fn within(place: &Path, digest: &str, version: &str) -> Self {
        let digest = digest.get(..16).unwrap_or(digest);
        Self { folder: place.join(format!("{digest}-onnxruntime-{version}-{}", kernels())) }
    }

    /// Opens a graph over packed weights, which are packed now if they were not yet. Where that cannot be, over weights
    /// as they come.
    pub(super) fn open(
        &self,
        folder: &ModelFolder,
        graph: &GraphFile,
        opening: Opening<'_>,
    ) -> Result<LlamaSession, ort::Error> {
        let kept = self.folder.join(graph.path.file_name().unwrap_or_default());
        if kept.is_file() {
            match reopened(&kept, folder, graph, opening) {
                Ok(session) => return Ok(session),
                Err(error) => tracing::warn!(file = %kept.display(), %error, "weights are packed anew"),
            }
        }
        match pack(&kept, folder, graph, opening).and_then(|()| reopened(&kept, folder, graph, opening)) {
            Ok(session) => Ok(session),
            Err(error) => {
                tracing::warn!(file = %kept.display(), %error, "weights cannot be kept packed");
                LlamaSession::of(folder, graph, (opening.provider, opening.builder()?, &graph.path))
            }
        }
    }
}

/// What decides on the order of weights: the instructions there are.
fn kernels() -> String {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512", std::arch::is_x86_feature_detected!("avx512bw")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avxvnni", std::arch::is_x86_feature_detected!("avxvnni")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let found: [(&str, bool); 0] = [];
    let names = found.into_iter().filter_map(|(name, is_there)| is_there.then_some(name));
    std::iter::once(std::env::consts::ARCH).chain(names).collect::<Vec<_>>().join("-")
}

/// Opens what was kept, if it computes what it did.
fn reopened(
    kept: &Path,
    folder: &ModelFolder,
    graph: &GraphFile,
    opening: Opening<'_>,
) -> Result<LlamaSession, ort::Error> {
    // The graph was optimized before it was written.
    let builder = opening.builder()?.with_optimization_level(GraphOptimizationLevel::Disable)?;
    let mut session = LlamaSession::of(folder, graph, (opening.provider, builder, kept))?;
    let expected = fs::read(probe_of(kept)).map_err(|error| said(&error))?;
    if probed(&mut session)? != expected {
        return Err(ort::Error::new("it does not compute what it did when it was packed"));
    }
    Ok(session)
}

/// Packs a graph's weights and keeps them, whole or not at all.
fn pack(
    kept: &Path,
    folder: &ModelFolder,
    graph: &GraphFile,
    opening: Opening<'_>,
) -> Result<(), ort::Error> {
    let place = kept.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(place).map_err(|error| said(&error))?;
    let draft = tempfile::tempdir_in(place).map_err(|error| said(&error))?;
    let file = draft.path().join(kept.file_name().unwrap_or_default());
    let data = file.with_extension("data");
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let builder = Opening { profile: None, ..opening }
        .builder()?
        // It warns that such files are of this machine's hardware alone, which is what they are for.
        .with_log_level(LogLevel::Error)?
        .with_optimized_model_path(&file)?
        .with_config_entry("session.optimized_model_external_initializers_file_name", name)?
        .with_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", LEAST_BYTES)?
        .with_config_entry("session.save_external_prepacked_constant_initializers", "1")?;
    let mut session = LlamaSession::of(folder, graph, (opening.provider, builder, &graph.path))?;
    fs::write(probe_of(&file), probed(&mut session)?).map_err(|error| said(&error))?;
    drop(session);
    // The graph comes last: where it is, the others are.
    for (from, to) in
        [(data, kept.with_extension("data")), (probe_of(&file), probe_of(kept)), (file, kept.to_owned())]
    {
        // Windows syncs only what is open for writing.
        let written = fs::OpenOptions::new().write(true).open(&from);
        written.and_then(|file| file.sync_all()).map_err(|error| said(&error))?;
        fs::rename(&from, &to).map_err(|error| said(&error))?;
    }
    Ok(())
}

/// The bits of the logits behind a few tokens.
fn probed(session: &mut LlamaSession) -> Result<Vec<u8>, ort::Error> {
    let ids: Vec<u32> = (0..PROBED).collect();
    let logits = session.read(&mut Cache::default(), &ids, &RunOptions::new()?)?;
    Ok(logits.into_iter().flat_map(f32::to_le_bytes).collect())
}

fn probe_of(graph: &Path) -> PathBuf {
    graph.with_extension("probe")
}

fn said(error: &io::Error) -> ort::Error {
    ort::Error::new(error.to_string())
}
