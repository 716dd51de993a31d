//! What the service counts. Labels are names of policies, stages, actions and facades, never anything of a text.

mod queues;
mod register;
mod requests;

use std::time::Duration;

use policies::{Judgment, Policy, Record, Status, Summarized};
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use crate::quotas::Exceeded;
use queues::Queues;
use register::Register;
use requests::Requests;

pub use requests::{Limit, Request};

/// The service's counters, as Prometheus reads them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    queues: Queues,
    judging: IntGauge,
    unlogged: IntCounter,
    quarantined: IntGaugeVec,
    refused: IntCounterVec,
    verdicts: IntCounterVec,
    degraded: IntCounterVec,
    escalations: IntCounterVec,
    stages: IntCounterVec,
    seconds: HistogramVec,
    summaries: IntCounterVec,
    withheld: IntCounterVec,
    summary_seconds: HistogramVec,
    stage_seconds: HistogramVec,
}

impl Metrics {
    /// Counters at zero.
    ///
    /// # Errors
    ///
    /// Two of them share a name: a mistake in this room.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let register = Register(&registry);
        let (verdicts, summaries) = ("Verdicts by action.", "Summaries by whose words they are in.");
        let (degraded, stages) =
            ("Verdicts and summaries that miss a stage.", "Stages by what became of them.");
        let escalations = "Verdicts for which the LLaMA was asked; `lamassu_verdicts_total` has all.";
        let withheld = "Parts of documents and of summaries that were kept out.";
        let quarantined = "Precedents stopped for matching too much of the traffic.";
        let unlogged = "Decisions that the log could not take.";
        Ok(Self {
            requests: Requests::new(&register)?,
            queues: Queues::new(&register)?,
            judging: register.gauge("lamassu_judging", "Texts being judged now.")?,
            unlogged: register.counter("lamassu_decisions_unlogged_total", unlogged)?,
            quarantined: register.gauges("lamassu_quarantined", quarantined, &["bank"])?,
            refused: register.counters(
                "lamassu_requests_refused_total",
                "Requests beyond what their key may ask.",
                &["limit"],
            )?,
            verdicts: register.counters("lamassu_verdicts_total", verdicts, &["policy", "action"])?,
            degraded: register.counters("lamassu_degraded_total", degraded, &["policy"])?,
            escalations: register.counters("lamassu_escalations_total", escalations, &["policy"])?,
            stages: register.counters("lamassu_stages_total", stages, &["stage", "status"])?,
            seconds: register.histograms("lamassu_verdict_seconds", "Time to a verdict.", &["policy"])?,
            summaries: register.counters("lamassu_summaries_total", summaries, &["policy", "mode"])?,
            withheld: register.counters("lamassu_withheld_total", withheld, &["policy", "what"])?,
            summary_seconds: register.histograms(
                "lamassu_summary_seconds",
                "Time to a summary.",
                &["policy"],
            )?,
            stage_seconds: register.histograms("lamassu_stage_seconds", "Time of a stage.", &["stage"])?,
            registry,
        })
    }

    /// Counts a request until it is answered, or dropped.
    pub fn request(&self, facade: &'static str) -> Request {
        self.requests.begin(facade)
    }

    /// Shows how long the queue before `model` is, whenever somebody looks.
    pub fn watch(&self, model: &'static str, depth: impl Fn() -> usize + Send + Sync + 'static) {
        self.queues.watch(model, Box::new(depth));
    }

    /// Counts a text as being judged until the answer is dropped.
    #[must_use]
    pub fn judging(&self) -> Judging {
        self.judging.inc();
        Judging(self.judging.clone())
    }

    /// Counts a decision that the log could not take.
    pub fn unlogged(&self) {
        self.unlogged.inc();
    }

    /// Counts a request beyond what its key may ask.
    pub fn refused(&self, exceeded: Exceeded) {
        self.refused.with_label_values(&[exceeded.name()]).inc();
    }

    /// Says how many precedents of a bank are in quarantine.
    pub fn quarantined(&self, bank: &str, count: usize) {
        self.quarantined.with_label_values(&[bank]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts one judgment.
    pub fn count(&self, policy: &Policy, judgment: &Judgment, took: Duration) {
        let name = policy.name();
        self.verdicts.with_label_values(&[name, judgment.verdict.action.name()]).inc();
        let escalations = self.escalations.with_label_values(&[name]);
        if is_escalated(policy, &judgment.record) {
            escalations.inc();
        }
        self.count_stages(name, &judgment.record);
        self.seconds.with_label_values(&[name]).observe(took.as_secs_f64());
    }

    /// Counts one summary. The passages it is of are not counted as verdicts.
    pub fn count_summary(&self, policy: &str, summarized: &Summarized, took: Duration) {
        self.summaries.with_label_values(&[policy, summarized.summary.mode.name()]).inc();
        for withheld in &summarized.withheld {
            let count = u64::try_from(withheld.count).unwrap_or(u64::MAX);
            self.withheld.with_label_values(&[policy, withheld.what.name()]).inc_by(count);
        }
        self.count_stages(policy, &summarized.record);
        self.summary_seconds.with_label_values(&[policy]).observe(took.as_secs_f64());
    }

    fn count_stages(&self, policy: &str, record: &Record) {
        // It is there from the first judgment on, so that an alarm can tell none from never.
        let degraded = self.degraded.with_label_values(&[policy]);
        if record.degraded() {
            degraded.inc();
        }
        for run in &record.stages {
            self.stages.with_label_values(&[&*run.stage, run.status.name()]).inc();
            self.stage_seconds.with_label_values(&[&*run.stage]).observe(run.took.as_secs_f64());
        }
    }

    /// Where other counters are entered.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All counters as they are now.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.queues.look();
        self.registry.gather()
    }

    /// All counters in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// A counter that cannot be written.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.gather(), &mut text)?;
        Ok(text)
    }
}

/// Whether the LLaMA was asked, or would have been had it answered.
fn is_escalated(policy: &Policy, record: &Record) -> bool {
    let adjudicates = |label: &str| {
        policy.stages().iter().any(|spec| spec.kind == plugins::ADJUDICATE && spec.label() == label)
    };
    record.stages.iter().any(|run| !matches!(run.status, Status::Skipped(_)) && adjudicates(&run.stage))
}

/// A text being judged, as counted.
#[derive(Debug)]
pub struct Judging(IntGauge);

impl Drop for Judging {
    fn drop(&mut self) {
        self.0.dec();
    }
}
