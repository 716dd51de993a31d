//! The sessions of a model, opened when they are first needed.

use std::sync::Arc;

use ort::session::RunOptions;

use super::{
    LlamaOptions, cache::Cache, folder::ModelFolder, graphs::Part, kv::Layout, options::Verb,
    session::LlamaSession,
};
use crate::{
    InferenceError, Provider, Runtime,
    device::Device,
    open::{self, Opening},
};

/// The sessions of a model, one for each graph that was needed so far.
#[derive(Debug)]
pub(super) struct Sessions {
    runtime: &'static Runtime,
    folder: Arc<ModelFolder>,
    threads: usize,
    provider: Provider,
    layout: Arc<Layout>,
    is_shared: bool,
    /// In the order of the folder's graphs.
    open: Vec<Option<LlamaSession>>,
}

impl Sessions {
    /// Opens what is needed first, on the first of the providers that really runs it. All others are opened there.
    pub(super) fn first(
        runtime: &'static Runtime,
        folder: &Arc<ModelFolder>,
        options: &LlamaOptions,
    ) -> Result<(Self, Device), InferenceError> {
        let part = match options.first {
            Verb::Score => Part::Score,
            Verb::Generate => Part::Generate,
        };
        let (session, device) = proven(runtime, folder, part, (&options.providers, options.threads))?;
        let mut sessions = Self {
            runtime,
            folder: Arc::clone(folder),
            threads: options.threads,
            provider: device.provider,
            layout: session.layout(),
            is_shared: session.is_shared(),
            open: folder.graphs().all().iter().map(|_| None).collect(),
        };
        sessions.keep(part, session);
        if part == Part::Score {
            // Whatever is wrong with it shows now, and not at the first call.
            sessions.of(Part::Prefix)?;
        }
        Ok((sessions, device))
    }

    pub(super) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout)
    }

    /// Whether keys and values stay where they are from run to run.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether the session that does a part is open.
    pub(super) fn is_open(&self, part: Part) -> bool {
        self.open.get(self.folder.graphs().place(part)).is_some_and(Option::is_some)
    }

    /// The session that does a part, opened and proven by a run if it was not yet.
    pub(super) fn of(&mut self, part: Part) -> Result<&mut LlamaSession, InferenceError> {
        if !self.is_open(part) {
            let providers = [self.provider];
            let (session, _) = proven(self.runtime, &self.folder, part, (&providers, self.threads))?;
            self.keep(part, session);
        }
        let place = self.folder.graphs().place(part);
        self.open.get_mut(place).and_then(Option::as_mut).ok_or(InferenceError::Stopped)
    }

    /// Reads `ids` behind what `cache` holds: the logits, `[vocabulary]`, of what follows.
    pub(super) fn read(
        &mut self,
        part: Part,
        cache: &mut Cache,
        (ids, options): (&[u32], &RunOptions),
    ) -> Result<Vec<f32>, InferenceError> {
        self.of(part)?.read(cache, ids, options).map_err(|error| InferenceError::Run(Arc::new(error)))
    }

    /// Closes all of them and gives their memory back. They are opened anew when they are needed.
    pub(super) fn close(&mut self) {
        self.open.iter_mut().for_each(|session| *session = None);
    }

    fn keep(&mut self, part: Part, session: LlamaSession) {
        let place = self.folder.graphs().place(part);
        if let Some(open) = self.open.get_mut(place) {
            *open = Some(session);
        }
    }
}

/// Opens a part's graph and proves by a run where it runs.
fn proven(
    runtime: &'static Runtime,
    folder: &ModelFolder,
    part: Part,
    (providers, threads): (&[Provider], usize),
) -> Result<(LlamaSession, Device), InferenceError> {
    let graphs = folder.graphs();
    let (graph, lean) = (graphs.of(part), graphs.reads_only_prefixes(graphs.place(part)));
    open::on_first(&graph.path, providers, |provider, profile| {
        LlamaSession::open(folder, graph, lean, Opening { runtime, provider, threads, profile })
    })
}
