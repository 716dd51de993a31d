//! The way of a text, or of documents, through its stages. It never fails as a whole.

mod judge;
mod summarize;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

use crate::{
    Action, Category, Content, Dossier, Entry, Evidence, Examination, Policy, Precedent, Record, Stage,
    StageError, StageRun, StageSpec, Stated, Status, Subject, merge_spans,
};

/// A stage in its place: what the policy ordered, and the stage built from it.
pub struct Seat<S: Subject = Content> {
    /// What the policy says of it.
    pub spec: StageSpec,
    /// The stage.
    pub stage: Box<dyn Stage<S>>,
}

/// What a caller asks for besides a verdict.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Categories to judge; all of the policy's if empty. Floors are always judged.
    pub categories: BTreeSet<Category>,
    /// How long it may take; as long as it takes if none is given.
    pub budget: Option<Duration>,
    /// Whether stages should say in a line why they judge so; it may cost time.
    pub explain: bool,
}

/// A policy and its stages, ready to judge texts or to summarize documents. Shared by all requests.
pub struct Pipeline<S: Subject = Content> {
    policy: Arc<Policy>,
    seats: Vec<Seat<S>>,
    models: BTreeMap<String, String>,
    index: Option<String>,
}

/// What the stages of one request have led to so far.
struct Progress<S: Subject> {
    dossier: Dossier<S>,
    runs: Vec<StageRun>,
    scored: BTreeSet<Category>,
    demanded: Action,
    heard: usize,
}

impl<S: Subject> Pipeline<S> {
    /// A pipeline of `seats`. `models` and `index` are digests for the record.
    #[must_use]
    pub fn new(
        policy: Arc<Policy>,
        seats: Vec<Seat<S>>,
        models: BTreeMap<String, String>,
        index: Option<String>,
    ) -> Self {
        Self { policy, seats, models, index }
    }

    /// The policy it judges by.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Lets all stages have their turn.
    async fn run(&self, subject: Arc<S>, ask: &Ask) -> Progress<S> {
        let due = ask.budget.map(|budget| Instant::now() + budget);
        let mut progress = Progress {
            dossier: Dossier::new(subject).to_be_explained(ask.explain),
            runs: Vec::with_capacity(self.seats.len()),
            scored: BTreeSet::new(),
            demanded: Action::Allow,
            heard: 0,
        };
        let mut seats = self.seats.as_slice();
        while let Some((seat, later)) = seats.split_first() {
            self.take_seat((seat, later), due, &mut progress).await;
            seats = later;
        }
        progress
    }

    /// Runs one stage, or says why not, and files what came of it.
    async fn take_seat(
        &self,
        (seat, later): (&Seat<S>, &[Seat<S>]),
        due: Option<Instant>,
        progress: &mut Progress<S>,
    ) {
        let label: Arc<str> = seat.spec.label().into();
        let started = Instant::now();
        let mut run = StageRun {
            stage: Arc::clone(&label),
            status: Status::Ran,
            device: None,
            bytes: Vec::new(),
            tokens: None,
            took: Duration::ZERO,
        };
        let span = span(&seat.spec);
        if let Some(reason) = reason_to_skip(&seat.spec, &progress.dossier) {
            run.status = Status::Skipped(reason);
        } else {
            match examine((seat, later), due, progress).instrument(span.clone()).await {
                Ok(examination) => self.file(examination, &mut run, progress),
                Err(status) => run.status = status,
            }
        }
        span.record("status", run.status.name());
        span.record("device", run.device.as_deref());
        if run.status.is_fault() {
            progress.demanded = progress.demanded.max(seat.spec.on_fault.demands());
        }
        run.took = started.elapsed();
        progress.runs.push(run);
    }

    fn file(&self, examination: Examination, run: &mut StageRun, progress: &mut Progress<S>) {
        let Examination { entry, device, read, scored, cached, cut_short, tokens } = examination;
        run.status = match cut_short {
            Some(reason) => Status::CutShort(reason),
            None if cached => Status::Cached,
            None => Status::Ran,
        };
        run.device = device;
        run.tokens = tokens;
        run.bytes = merge_spans(read);
        progress.scored.extend(scored);
        if let Entry::Abstained(reason) = entry {
            run.status = Status::Skipped(reason);
            return;
        }
        let entry = self.admit(entry, &progress.dossier);
        progress.dossier.add(Arc::clone(&run.stage), entry);
    }

    /// Drops evidence that does not hold, and opinions that would make light of a floor, before anybody sees them.
    fn admit(&self, mut entry: Entry, dossier: &Dossier<S>) -> Entry {
        let (findings, own) = match &mut entry {
            Entry::Precedents(_) | Entry::Passages(_) | Entry::Abstained(_) => return entry,
            Entry::Summary(summary) => {
                summarize::admit(summary, dossier);
                return entry;
            }
            Entry::Findings(findings) => (findings, &[][..]),
            Entry::Rewrite(rewrite) => (&mut rewrite.findings, &[][..]),
            Entry::Revision(revision) => {
                let floors = self.policy.floors();
                revision.findings.retain(|finding| {
                    let before = dossier.highest_score(std::slice::from_ref(&finding.category));
                    !floors.contains(&finding.category) || finding.score >= before
                });
                (&mut revision.findings, &[][..])
            }
            Entry::Ruling(ruling) => (&mut ruling.findings, ruling.precedents.as_slice()),
        };
        for finding in findings {
            finding.evidence.retain(|evidence| self.holds(evidence, dossier, own));
        }
        entry
    }

    fn holds(&self, evidence: &Evidence, dossier: &Dossier<S>, own: &[Precedent]) -> bool {
        match evidence {
            Evidence::Span(span) | Evidence::Listed { span, .. } => dossier.subject().holds(*span),
            Evidence::Clause(id) => self.policy.clauses().iter().any(|clause| clause.id == *id),
            Evidence::Precedent { id, .. } => {
                own.iter().any(|precedent| precedent.id == *id) || dossier.retrieved_precedent(id)
            }
        }
    }

    /// The record of what the stages did. `judged` are the categories that somebody should have scored.
    fn record(
        &self,
        runs: Vec<StageRun>,
        scored: &BTreeSet<Category>,
        judged: impl IntoIterator<Item = Category>,
    ) -> Record {
        Record {
            stages: runs,
            policy: Arc::clone(self.policy.digest()),
            models: self.models.clone(),
            index: self.index.clone(),
            not_scored: judged.into_iter().filter(|category| !scored.contains(category)).collect(),
        }
    }
}

/// The span of a stage. What it finds is not in it, nor why it did not run: the record has that.
fn span(spec: &StageSpec) -> tracing::Span {
    tracing::debug_span!(
        "stage",
        otel.name = format!("stage {}", spec.label()),
        stage = spec.label(),
        kind = spec.kind.as_str(),
        status = Empty,
        device = Empty
    )
}

/// Why a stage need not run: the case is closed, or its condition does not hold.
fn reason_to_skip<S: Subject>(spec: &StageSpec, dossier: &Dossier<S>) -> Option<String> {
    if let Some(ruling) = dossier.ruling() {
        return Some(ruling.reason.clone());
    }
    let condition = &spec.only_if;
    if let Some(crate::Bounds(low, high)) = condition.score_within {
        let score = dossier.highest_score(&condition.categories).value();
        if !(low..=high).contains(&score) {
            return Some(format!("the highest score so far, {score:.3}, is not within {low} to {high}"));
        }
    }
    let language = dossier.subject().language();
    if !condition.languages.is_empty() && !condition.languages.iter().any(|wanted| wanted == language) {
        return Some(format!("the text's language, `{language}`, is not among only_if.languages"));
    }
    None
}

/// Lets a stage examine within its time. A panic is a fault like any other.
async fn examine<S: Subject>(
    (seat, later): (&Seat<S>, &[Seat<S>]),
    due: Option<Instant>,
    progress: &mut Progress<S>,
) -> Result<Examination, Status> {
    let own = seat.spec.deadline().map(|limit| Instant::now() + limit);
    let due = due.into_iter().chain(own).min();
    let dossier = &mut progress.dossier;
    // The stage is told a little less than it has, so that it can hand in what it has read.
    dossier.due(due.map(|due| due - due.duration_since(Instant::now()) / 10));
    let mut drafts = dossier.subject().listener().is_some().then(|| {
        let (sender, drafts) = unbounded_channel();
        dossier.hear(Some(sender));
        drafts
    });
    let dossier = &progress.dossier;
    let examination = AssertUnwindSafe(seat.stage.examine(dossier)).catch_unwind();
    let examination = async {
        match due {
            None => Some(examination.await),
            Some(due) => tokio::time::timeout_at(due, examination).await.ok(),
        }
    };
    let caught = match &mut drafts {
        None => examination.await,
        Some(drafts) => heard_meanwhile(examination, dossier, later, (drafts, &mut progress.heard)).await,
    };
    progress.dossier.hear(None);
    match caught {
        Some(Ok(Ok(examination))) => Ok(examination),
        Some(Ok(Err(error))) => Err(Status::Failed(chain(&error))),
        Some(Err(_)) => Err(Status::Failed("the stage panicked".to_owned())),
        None => Err(Status::TimedOut("no answer before the deadline".to_owned())),
    }
}

/// Waits for a stage, and lets the listener hear what it drafts as soon as all `later` stages have checked it.
async fn heard_meanwhile<S: Subject, T>(
    examination: impl Future<Output = T>,
    dossier: &Dossier<S>,
    later: &[Seat<S>],
    (drafts, heard): (&mut UnboundedReceiver<Stated>, &mut usize),
) -> T {
    let mut examination = std::pin::pin!(examination);
    loop {
        let next = match select(examination.as_mut(), std::pin::pin!(drafts.recv())).await {
            Either::Left((examined, _)) => Either::Left(examined),
            Either::Right((draft, _)) => Either::Right(draft),
        };
        match next {
            Either::Left(examined) => {
                while let Ok(draft) = drafts.try_recv() {
                    *heard += usize::from(checked(dossier, later, draft).await);
                }
                return examined;
            }
            Either::Right(Some(draft)) => *heard += usize::from(checked(dossier, later, draft).await),
            Either::Right(None) => return examination.await,
        }
    }
}

/// Hands a draft to the listener if no later stage keeps it back, and says whether it did. A stage that panics keeps it back.
async fn checked<S: Subject>(dossier: &Dossier<S>, later: &[Seat<S>], mut draft: Stated) -> bool {
    for seat in later {
        match AssertUnwindSafe(seat.stage.check(dossier, draft)).catch_unwind().await {
            Ok(Some(kept)) => draft = kept,
            Ok(None) | Err(_) => return false,
        }
    }
    tell(dossier, &draft);
    true
}

/// Hands a checked sentence to the listener, if there is one.
fn tell<S: Subject>(dossier: &Dossier<S>, sentence: &Stated) {
    let sources = dossier.passages().map(|passages| passages.sources.as_slice()).unwrap_or_default();
    if let Some(listener) = dossier.subject().listener() {
        listener.hear(sentence, sources);
    }
}

/// An error and its causes as one sentence.
fn chain(error: &StageError) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence.push_str(": ");
        sentence.push_str(&error.to_string());
        cause = error.source();
    }
    sentence
}
