//! The sessions of a model, opened when they are first needed.

use std::sync::Arc;

use ort::session::RunOptions;

use super::{
    LlamaOptions, cache::Cache, folder::ModelFolder, graphs::Part, kv::Layout, options::Verb, packed::Packed,
    session::LlamaSession,
};
use crate::{
    InferenceError, Provider, Runtime,
    device::Device,
    open::{self, Opening},
};

/// What sessions are made of.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) runtime: &'static Runtime,
    pub(super) folder: Arc<ModelFolder>,
    /// Where weights are kept in the processor's order, if anywhere.
    pub(super) packed: Option<Packed>,
    pub(super) threads: usize,
}

/// The sessions of a model, one for each graph that was needed so far.
#[derive(Debug)]
pub(super) struct Sessions {
    origin: Origin,
    provider: Provider,
    layout: Arc<Layout>,
    is_shared: bool,
    /// In the order of the folder's graphs.
    open: Vec<Option<LlamaSession>>,
}

impl Sessions {
    /// Opens what is needed first, on the first of the providers that really runs it. All others are opened there.
    pub(super) fn first(origin: Origin, options: &LlamaOptions) -> Result<(Self, Device), InferenceError> {
        let part = match options.first {
            Verb::Score => Part::Score,
            Verb::Generate => Part::Generate,
        };
        let (session, device) = origin.proven(part, &options.providers)?;
        let open = origin.folder.graphs().all().iter().map(|_| None).collect();
        let mut sessions = Self {
            origin,
            provider: device.provider,
            layout: session.layout(),
            is_shared: session.is_shared(),
            open,
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
        self.open.get(self.origin.folder.graphs().place(part)).is_some_and(Option::is_some)
    }

    /// The session that does a part, opened and proven by a run if it was not yet.
    pub(super) fn of(&mut self, part: Part) -> Result<&mut LlamaSession, InferenceError> {
        if !self.is_open(part) {
            let (session, _) = self.origin.proven(part, &[self.provider])?;
            self.keep(part, session);
        }
        let place = self.origin.folder.graphs().place(part);
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
        let place = self.origin.folder.graphs().place(part);
        if let Some(open) = self.open.get_mut(place) {
            *open = Some(session);
        }
    }
}

impl Origin {
    /// Opens a part's graph and proves by a run where it runs.
    fn proven(&self, part: Part, providers: &[Provider]) -> Result<(LlamaSession, Device), InferenceError> {
        let Self { runtime, folder, packed, threads } = self;
        let graphs = folder.graphs();
        let (graph, lean) = (graphs.of(part), graphs.reads_only_prefixes(graphs.place(part)));
        open::on_first(&graph.path, providers, |provider, profile| {
            let opening = Opening { runtime, provider, threads: *threads, profile };
            let builder = match (provider, packed) {
                (Provider::Cpu, _) if lean => opening.lean()?,
                (Provider::Cpu, Some(packed)) => return packed.open(folder, graph, opening),
                _ => opening.builder()?,
            };
            LlamaSession::of(folder, graph, (provider, builder, &graph.path))
        })
    }
}
