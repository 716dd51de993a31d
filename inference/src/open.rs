//! Opening a graph on the first device that really runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use ort::{
    ep,
    session::{
        Session,
        builder::{AutoDevicePolicy, GraphOptimizationLevel, SessionBuilder},
    },
};

use crate::{
    InferenceError, Provider, Runtime,
    device::{self, Device},
};

/// How one session is to be opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) runtime: &'static Runtime,
    pub(crate) provider: Provider,
    /// Threads that work on one run.
    pub(crate) threads: usize,
    /// Where to write the profile of a probe run; none for a session that is not probed.
    pub(crate) profile: Option<&'a Path>,
}

/// What would make ONNX Runtime copy weights, widened, when it opens a graph.
const WIDENING: (&str, &str) =
    ("optimization.disable_specified_optimizers", "ConstantFolding;FuseFp16InitializerToFp32NodeTransformer");

impl Opening<'_> {
    /// A builder of sessions on the processor whose weights stay as they are in their files, mapped and not private to
    /// this process, and that keeps no memory between runs: slower, and worth it for what runs seldom.
    pub(crate) fn lean(&self) -> Result<SessionBuilder, ort::Error> {
        let unkept = ep::CPU::default().with_arena_allocator(false).build().error_on_failure();
        let builder = self.builder()?.with_execution_providers([unkept])?.with_memory_pattern(false)?;
        Ok(builder.with_prepacking(false)?.with_config_entry(WIDENING.0, WIDENING.1)?)
    }

    /// A builder with everything set but the graph.
    pub(crate) fn builder(&self) -> Result<SessionBuilder, ort::Error> {
        let mut builder = Session::builder(self.runtime.environment())?
            .with_auto_device(AutoDevicePolicy::PreferCPU)?
            .with_execution_providers([self.provider.registration()])?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?;
        if self.provider == Provider::DirectMl {
            builder = builder.with_memory_pattern(false)?;
        }
        if let Some(prefix) = self.profile {
            builder = builder.with_profiling(prefix)?;
        }
        Ok(builder)
    }
}

/// A model that can be tried out where it was opened.
pub(crate) trait Probe: Sized {
    /// The session it runs on.
    fn session(&mut self) -> &mut Session;

    /// Runs the graph once on a small input and says what is wrong with the answer: a broken driver computes anything.
    fn probe(&mut self) -> Result<(), String>;
}

/// Opens `graph` on the first of `providers` that really runs it.
pub(crate) fn on_first<M: Probe>(
    graph: &Path,
    providers: &[Provider],
    open: impl Fn(Provider, Option<&Path>) -> Result<M, ort::Error>,
) -> Result<(M, Device), InferenceError> {
    let mut reasons = Vec::new();
    for (position, provider) in providers.iter().copied().enumerate() {
        match proven(provider, |profile| open(provider, Some(profile))) {
            Ok((model, proof)) => {
                let tried = providers.get(..=position).unwrap_or(providers);
                reasons.insert(0, proof);
                reasons.extend(device::untried(tried));
                return Ok((model, Device { provider, detail: reasons.join("; ") }));
            }
            Err(reason) => {
                tracing::warn!(%provider, graph = %graph.display(), reason, "a provider does not run the graph");
                reasons.push(format!("{provider}: {reason}"));
            }
        }
    }
    Err(InferenceError::NoDevice { graph: graph.to_owned(), reasons: reasons.join("; ") })
}

fn proven<M: Probe>(
    provider: Provider,
    open: impl FnOnce(&Path) -> Result<M, ort::Error>,
) -> Result<(M, String), String> {
    let mut opened = open(&profile_prefix()).map_err(|error| error.to_string())?;
    let probe = opened.probe();
    let profile = opened.session().end_profiling().map_err(|error| error.to_string());
    let proof = probe.and(profile).and_then(|profile| {
        let proof = device::proof(provider, Path::new(&profile));
        if let Err(error) = fs::remove_file(&profile) {
            tracing::debug!(profile, %error, "the probe's profile could not be removed");
        }
        proof
    })?;
    Ok((opened, proof))
}

/// A name in the temporary folder that no other probe uses; ONNX Runtime adds the time and `.json`.
fn profile_prefix() -> PathBuf {
    static PROBES: AtomicU32 = AtomicU32::new(0);
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("lamassu-probe-{}-{number}", std::process::id()))
}
