//! The texts that grow side by side: they join and leave between two steps.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use ort::session::RunOptions;

use super::{
    cache::Cache,
    graphs::Part,
    job::{Event, Finish, TextJob, Waits},
    kv::Layout,
    prefixes::{Memory, Remembered},
    rows::{Rows, Source},
    sessions::Sessions,
    steps::guarded,
    turns::{Turns, still_wanted, sweep},
};
use crate::InferenceError;

/// Tokens of a prompt read in one step. A prompt is always read in pieces that begin at its multiples, and remembered
/// ones are used up to such a multiple: what is read does not depend on what was remembered.
pub(super) const STEP: usize = 128;

/// What texts may take.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// Bytes of keys and values.
    pub(super) bytes: u64,
    /// Texts side by side.
    pub(super) rows: usize,
    /// Ids of EOS.
    pub(super) ends: Vec<u32>,
}

/// The texts at hand.
#[derive(Debug)]
pub(super) struct Writers {
    limits: Limits,
    layout: Arc<Layout>,
    waiting: VecDeque<TextJob>,
    turns: Turns,
    reading: Option<Member>,
    members: Vec<Member>,
    rows: Rows,
    prompts: Memory,
    /// Whether the step before read a prompt: the next one is for those that grow.
    has_read: bool,
}

/// A text that was begun.
#[derive(Debug)]
struct Member {
    job: TextJob,
    /// Its row, once it has one.
    row: Option<usize>,
    /// What it read by itself.
    cache: Cache,
}

impl Writers {
    pub(super) fn new(limits: Limits, layout: Arc<Layout>) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            turns: Turns::default(),
            reading: None,
            members: Vec::new(),
            rows: Rows::new(Arc::clone(&layout)),
            prompts: Memory::new(Arc::clone(&layout)),
            layout,
            has_read: false,
        }
    }

    pub(super) fn take(&mut self, job: TextJob) {
        self.waiting.push_back(job);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.reading.is_none() && self.members.is_empty()
    }

    /// Lets go of whoever hung up or has no time left.
    pub(super) fn sweep(&mut self) {
        sweep(&mut self.waiting);
        let now = Instant::now();
        let wanted = |member: Member| {
            let Member { job, row, cache } = member;
            still_wanted(job, now).map(|job| Member { job, row, cache })
        };
        self.reading = self.reading.take().and_then(wanted);
        self.members = std::mem::take(&mut self.members).into_iter().filter_map(wanted).collect();
    }

    /// Forgets all keys and values. Texts at hand are read anew, before those that wait.
    pub(super) fn restart(&mut self) {
        self.prompts.clear();
        self.rows.clear();
        let begun = std::mem::take(&mut self.members).into_iter().chain(self.reading.take());
        for member in begun.collect::<Vec<_>>().into_iter().rev() {
            self.waiting.push_front(member.job);
        }
    }

    /// Reads a piece of a prompt, or adds a token to each text that grows.
    pub(super) fn step(&mut self, sessions: &mut Sessions) {
        self.admit(sessions);
        match self.reading.take() {
            Some(member) if !self.has_read || self.members.is_empty() => {
                self.has_read = true;
                self.read(member, sessions);
            }
            reading => {
                self.has_read = false;
                self.reading = reading;
                if !self.members.is_empty() {
                    self.write(sessions);
                }
            }
        }
        if self.members.is_empty() {
            self.rows.clear();
        }
    }

    /// Tokens that the longest of the texts that grow may come to.
    fn longest(&self) -> usize {
        let context = self.layout.context;
        self.members.iter().map(|member| member.job.work.longest(context)).max().unwrap_or_default()
    }

    /// Begins the next text if there is room for all that it may become.
    fn admit(&mut self, sessions: &mut Sessions) {
        if self.reading.is_some() || self.members.len() >= self.limits.rows {
            return;
        }
        let (longest, context) = (self.longest(), self.layout.context);
        let fits = |job: &TextJob| {
            let longest = longest.max(job.work.longest(context));
            needs(&self.layout, (self.members.len() + 1, longest), job.work.len())
        };
        // Only the scope's first may go: a short text does not overtake a long one for ever.
        let Some(place) = self.turns.next(self.waiting.iter().map(|job| &job.ticket.scope)) else { return };
        let needs = self.waiting.get(place).map(fits).unwrap_or_default();
        if needs > self.limits.bytes && !self.members.is_empty() {
            return;
        }
        if let Some(job) = self.waiting.remove(place) {
            self.turns.serve(&job.ticket.scope);
            self.begin(job, needs, sessions);
        }
    }

    fn begin(&mut self, mut job: TextJob, needs: u64, sessions: &mut Sessions) {
        if job.work.new == 0 {
            job.work.cached = Some(0);
            finish(job, Finish::Length);
            return;
        }
        let ids: Vec<u32> = job.work.from(0).collect();
        let nearest = self.prompts.nearest(&job.ticket.scope, &ids);
        // The last token is read even if it is known: its logits are not remembered.
        let known = nearest.map(|(cache, common)| (cache, common.min(ids.len() - 1) / STEP * STEP));
        let cache = match known.filter(|(_, tokens)| *tokens > 0) {
            None => Ok(Cache::default()),
            Some((cache, tokens)) => sessions.of(Part::Generate).and_then(|session| {
                let branch = cache.branched(tokens, &self.layout, session.raw());
                branch.map_err(|error| InferenceError::Run(Arc::new(error)))
            }),
        };
        self.prompts.shrink(self.limits.bytes.saturating_sub(needs));
        match cache {
            Ok(cache) => {
                job.work.cached.get_or_insert(cache.ids().len());
                self.reading = Some(Member { job, row: None, cache });
            }
            Err(error) => job.refuse(error),
        }
    }

    /// Reads a piece of a text, and adds its next token when all of it is read.
    fn read(&mut self, mut member: Member, sessions: &mut Sessions) {
        let began = Instant::now();
        let held = member.cache.ids().len();
        let piece: Vec<u32> = member.job.work.from(held).take(STEP - held % STEP).collect();
        let Member { job, cache, .. } = &mut member;
        let read = guarded(|| sessions.read(Part::Generate, cache, (&piece, &job.options)));
        let took = began.elapsed();
        match read {
            Err(error) => member.job.refuse(error),
            Ok(_) if member.cache.ids().len() < member.job.work.len() => {
                member.job.work.took += took;
                self.reading = Some(member);
            }
            Ok(logits) => match self.grown(member, logits, took) {
                Ok(member) => self.members.push(member),
                Err(cache) => self.remember(cache),
            },
        }
    }

    /// Adds a token to each text that grows.
    fn write(&mut self, sessions: &mut Sessions) {
        let began = Instant::now();
        let logits = guarded(|| self.next_logits(sessions));
        let took = began.elapsed();
        let members = std::mem::take(&mut self.members);
        match logits {
            Ok(logits) => {
                for (member, logits) in members.into_iter().zip(logits) {
                    if let Ok(member) = self.grown(member, logits, took) {
                        self.members.push(member);
                    }
                }
            }
            Err(error) => {
                self.rows.clear();
                for member in members {
                    member.job.refuse(again(&error));
                }
            }
        }
    }

    fn next_logits(&mut self, sessions: &mut Sessions) -> Result<Vec<Vec<f32>>, InferenceError> {
        let run = |error| InferenceError::Run(Arc::new(error));
        if !sessions.is_shared() {
            // Graphs that make new keys and values at each run would have to be filled up to one length.
            let one = |member: &mut Member| {
                let last: Vec<u32> = member.job.work.ids.last().copied().into_iter().collect();
                sessions.read(Part::Generate, &mut member.cache, (&last, &member.job.options))
            };
            return self.members.iter_mut().map(one).collect();
        }
        self.settle(sessions)?;
        let last = self.members.iter().filter_map(|member| member.job.work.ids.last().copied());
        let last: Vec<u32> = last.collect();
        // No caller's options: whoever hangs up does not stop the others.
        let options = RunOptions::new().map_err(run)?;
        self.rows.step(sessions.of(Part::Generate)?, &last, &options).map_err(run)
    }

    /// Gives each member its row, if anyone joined or left.
    fn settle(&mut self, sessions: &mut Sessions) -> Result<(), InferenceError> {
        let settled = |(row, member): (usize, &Member)| member.row == Some(row);
        if self.members.len() == self.rows.len() && self.members.iter().enumerate().all(settled) {
            return Ok(());
        }
        self.members = in_rows(std::mem::take(&mut self.members));
        let mut sources = Vec::with_capacity(self.members.len());
        for member in &self.members {
            sources.push(member.row.map_or(Source::Text(&member.cache), Source::Row));
        }
        let session = sessions.of(Part::Generate)?;
        self.rows.set(&sources, session.raw()).map_err(|error| InferenceError::Run(Arc::new(error)))?;
        let mut read = Vec::new();
        for (row, member) in self.members.iter_mut().enumerate() {
            if member.row.replace(row).is_none() {
                let cache = std::mem::take(&mut member.cache);
                read.push(Remembered::new(&member.job.ticket.scope, cache));
            }
        }
        for text in read {
            self.remember(text);
        }
        Ok(())
    }

    /// Remembers what was read as long as there is room beside the texts at hand.
    fn remember(&mut self, text: Remembered) {
        self.prompts.keep(text);
        let (mut rows, mut longest, mut read) = (self.members.len(), self.longest(), 0);
        if let Some(member) = &self.reading {
            (rows, read) = (rows + 1, member.job.work.len());
            longest = longest.max(member.job.work.longest(self.layout.context));
        }
        let taken = needs(&self.layout, (rows, longest), read);
        self.prompts.shrink(self.limits.bytes.saturating_sub(taken));
    }

    /// Adds the next token; what the text read by itself, if that was its last.
    fn grown(&self, mut member: Member, logits: Vec<f32>, took: Duration) -> Result<Member, Remembered> {
        let began = Instant::now();
        let Limits { ends, .. } = &self.limits;
        let work = &mut member.job.work;
        let run = |error| InferenceError::Run(Arc::new(error));
        let grown = guarded(|| work.grow(logits, ends, self.layout.context).map_err(run));
        work.took += took + began.elapsed();
        let Member { job, row, cache } = member;
        match grown {
            Err(error) => {
                let scope = Arc::clone(&job.ticket.scope);
                job.refuse(error);
                Err(Remembered::new(&scope, cache))
            }
            Ok(grown) => {
                if !grown.text.is_empty() {
                    // A caller that hung up is swept away before the next step.
                    let _hung_up = job.caller.send(Ok(Event::Grown(grown.text)));
                }
                let Some(why) = grown.finish else { return Ok(Member { job, row, cache }) };
                let scope = Arc::clone(&job.ticket.scope);
                finish(job, why);
                Err(Remembered::new(&scope, cache))
            }
        }
    }
}

/// Bytes for so many texts side by side, each as long as the longest may become, and for one by itself while it is read.
pub(super) fn needs(layout: &Layout, (rows, longest): (usize, usize), read: usize) -> u64 {
    let room = |tokens: usize| if tokens == 0 { 0 } else { layout.bytes(layout.capacity(tokens)) };
    room(longest).saturating_mul(rows as u64).saturating_add(room(read))
}

fn finish(job: TextJob, why: Finish) {
    let TextJob { work, caller, place, .. } = job;
    // Before the answer: whoever has it may ask again at once.
    drop(place);
    let _hung_up = caller.send(Ok(work.done(why)));
}

/// Members in an order in which as many as can be stay in their rows.
fn in_rows(members: Vec<Member>) -> Vec<Member> {
    let mut rows: Vec<Option<Member>> = members.iter().map(|_| None).collect();
    let mut others = Vec::new();
    for member in members {
        match member.row.and_then(|row| rows.get_mut(row)) {
            Some(row) => *row = Some(member),
            None => others.push(member),
        }
    }
    let mut others = others.into_iter();
    rows.into_iter().filter_map(|row| row.or_else(|| others.next())).collect()
}

/// The same failure, for another of those it struck.
fn again(error: &InferenceError) -> InferenceError {
    match error {
        InferenceError::Run(error) => InferenceError::Run(Arc::clone(error)),
        InferenceError::Panicked => InferenceError::Panicked,
        InferenceError::NoDevice { graph, reasons } => {
            InferenceError::NoDevice { graph: graph.clone(), reasons: reasons.clone() }
        }
        _ => InferenceError::Stopped,
    }
}
