//! The way of a text through its stages. It never fails as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    Action, Category, Content, Dossier, Entry, Evidence, Examination, Finding, Judgment, Policy, Precedent,
    Record, Score, Severity, Stage, StageError, StageRun, StageSpec, Status, Verdict, merge_spans,
};

/// A stage in its place: what the policy ordered, and the stage built from it.
pub struct Seat {
    /// What the policy says of it.
    pub spec: StageSpec,
    /// The stage.
    pub stage: Box<dyn Stage>,
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

/// A policy and its stages, ready to judge. Shared by all requests.
pub struct Pipeline {
    policy: Arc<Policy>,
    seats: Vec<Seat>,
    models: BTreeMap<String, String>,
    index: Option<String>,
}

/// What the stages of one request have led to so far.
struct Progress {
    dossier: Dossier,
    runs: Vec<StageRun>,
    scored: BTreeSet<Category>,
    demanded: Action,
}

impl Pipeline {
    /// A pipeline of `seats`. `models` and `index` are digests for the record.
    #[must_use]
    pub fn new(
        policy: Arc<Policy>,
        seats: Vec<Seat>,
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

    /// Judges one text.
    pub async fn judge(&self, content: Arc<Content>, ask: &Ask) -> Judgment {
        let due = ask.budget.map(|budget| Instant::now() + budget);
        let mut progress = Progress {
            dossier: Dossier::new(content).to_be_explained(ask.explain),
            runs: Vec::with_capacity(self.seats.len()),
            scored: BTreeSet::new(),
            demanded: Action::Allow,
        };
        for seat in &self.seats {
            self.take_seat(seat, due, &mut progress).await;
        }
        self.conclude(progress, ask)
    }

    /// Runs one stage, or says why not, and files what came of it.
    async fn take_seat(&self, seat: &Seat, due: Option<Instant>, progress: &mut Progress) {
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
        if let Some(reason) = reason_to_skip(&seat.spec, &progress.dossier) {
            run.status = Status::Skipped(reason);
        } else {
            let outcome = examine(seat, due, &mut progress.dossier).await;
            match outcome {
                Ok(examination) => self.file(examination, &mut run, progress),
                Err(status) => run.status = status,
            }
        }
        if run.status.is_fault() {
            progress.demanded = progress.demanded.max(seat.spec.on_fault.demands());
        }
        run.took = started.elapsed();
        progress.runs.push(run);
    }

    fn file(&self, examination: Examination, run: &mut StageRun, progress: &mut Progress) {
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
        let entry = self.admit(entry, &progress.dossier);
        progress.dossier.add(Arc::clone(&run.stage), entry);
    }

    /// Drops evidence that does not hold, and opinions that would make light of a floor, before anybody sees them.
    fn admit(&self, mut entry: Entry, dossier: &Dossier) -> Entry {
        let (findings, own) = match &mut entry {
            Entry::Precedents(_) => return entry,
            Entry::Findings(findings) => (findings, &[][..]),
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

    fn holds(&self, evidence: &Evidence, dossier: &Dossier, own: &[Precedent]) -> bool {
        match evidence {
            Evidence::Span(span) | Evidence::Listed { span, .. } => {
                dossier.content().original().get(span.start..span.end).is_some()
            }
            Evidence::Clause(id) => self.policy.clauses().iter().any(|clause| clause.id == *id),
            Evidence::Precedent { id, .. } => {
                own.iter().any(|precedent| precedent.id == *id) || dossier.retrieved_precedent(id)
            }
        }
    }

    fn conclude(&self, progress: Progress, ask: &Ask) -> Judgment {
        let Progress { dossier, runs, scored, demanded } = progress;
        let floors = self.policy.floors();
        let asked = |category: &Category| {
            ask.categories.is_empty() || ask.categories.contains(category) || floors.contains(category)
        };
        let judged: Vec<&Category> =
            self.policy.categories().iter().map(|rule| &rule.name).filter(|name| asked(name)).collect();
        let mut scores: BTreeMap<Category, (Score, Severity)> =
            judged.iter().map(|category| ((*category).clone(), Default::default())).collect();
        let mut findings: Vec<Finding> = Vec::new();
        for finding in dossier.findings() {
            let Some(best) = scores.get_mut(&finding.category) else { continue };
            best.0 = best.0.max(finding.score);
            best.1 = best.1.max(finding.severity);
            if self.policy.action_for(finding) > Action::Allow {
                findings.push(finding.clone());
            }
        }
        let action = self.decide(&dossier, &findings, demanded);
        findings.sort_by_key(|f| std::cmp::Reverse((self.policy.action_for(f), f.severity, f.score)));
        let not_scored = judged.into_iter().filter(|category| !scored.contains(*category)).cloned().collect();
        Judgment {
            verdict: Verdict {
                action,
                findings,
                scores,
                explanations: dossier.explanations().cloned().collect(),
            },
            record: Record {
                stages: runs,
                policy: Arc::clone(self.policy.digest()),
                models: self.models.clone(),
                index: self.index.clone(),
                not_scored,
            },
        }
    }

    /// A ruling ends the case, but cannot undo what a fault demanded, nor lift a floor.
    fn decide(&self, dossier: &Dossier, findings: &[Finding], demanded: Action) -> Action {
        let floors = self.policy.floors();
        let strictest = |only_floors: bool| {
            findings
                .iter()
                .filter(|finding| !only_floors || floors.contains(&finding.category))
                .map(|finding| self.policy.action_for(finding))
                .max()
                .unwrap_or_default()
        };
        let judged = match dossier.ruling() {
            Some(ruling) => ruling.action.max(strictest(true)),
            None => strictest(false),
        };
        judged.max(demanded)
    }
}

/// Why a stage need not run: the case is closed, or its condition does not hold.
fn reason_to_skip(spec: &StageSpec, dossier: &Dossier) -> Option<String> {
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
    let language = dossier.content().language().code();
    if !condition.languages.is_empty() && !condition.languages.iter().any(|wanted| wanted == language) {
        return Some(format!("the text's language, `{language}`, is not among only_if.languages"));
    }
    None
}

/// Lets a stage examine within its time. A panic is a fault like any other.
async fn examine(seat: &Seat, due: Option<Instant>, dossier: &mut Dossier) -> Result<Examination, Status> {
    let own = seat.spec.deadline().map(|limit| Instant::now() + limit);
    let due = due.into_iter().chain(own).min();
    // The stage is told a little less than it has, so that it can hand in what it has read.
    dossier.due(due.map(|due| due - due.duration_since(Instant::now()) / 10));
    let span = tracing::debug_span!("stage", stage = seat.spec.label());
    let examination = AssertUnwindSafe(seat.stage.examine(dossier)).catch_unwind().instrument(span);
    let caught = match due {
        None => examination.await,
        Some(due) => match tokio::time::timeout_at(due, examination).await {
            Ok(caught) => caught,
            Err(_) => return Err(Status::TimedOut("no answer before the deadline".to_owned())),
        },
    };
    match caught {
        Ok(Ok(examination)) => Ok(examination),
        Ok(Err(error)) => Err(Status::Failed(chain(&error))),
        Err(_) => Err(Status::Failed("the stage panicked".to_owned())),
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
