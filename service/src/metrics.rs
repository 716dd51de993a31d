//! What the service counts. Labels are names of policies, stages and actions, never anything of a text.

use std::time::Duration;

use policies::{Judgment, Record, Summarized};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, exponential_buckets,
};

use crate::quotas::Exceeded;

/// The service's counters, as Prometheus reads them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    judging: IntGauge,
    unlogged: IntCounter,
    quarantined: IntGaugeVec,
    refused: IntCounterVec,
    verdicts: IntCounterVec,
    degraded: IntCounterVec,
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
    /// Two of them share a name: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            // 0.25 ms to 16 s.
            let options = HistogramOpts::new(name, help).buckets(exponential_buckets(0.000_25, 2.0, 17)?);
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let judging = IntGauge::new("lamassu_judging", "Texts being judged now.")?;
        registry.register(Box::new(judging.clone()))?;
        let unlogged =
            IntCounter::new("lamassu_decisions_unlogged_total", "Decisions that the log could not take.")?;
        registry.register(Box::new(unlogged.clone()))?;
        let stopped =
            Opts::new("lamassu_quarantined", "Precedents stopped for matching too much of the traffic.");
        let quarantined = IntGaugeVec::new(stopped, &["bank"])?;
        registry.register(Box::new(quarantined.clone()))?;
        Ok(Self {
            judging,
            unlogged,
            quarantined,
            refused: counter(
                "lamassu_requests_refused_total",
                "Requests beyond what their key may ask.",
                &["limit"],
            )?,
            verdicts: counter("lamassu_verdicts_total", "Verdicts by action.", &["policy", "action"])?,
            degraded: counter(
                "lamassu_degraded_total",
                "Verdicts and summaries that miss a stage.",
                &["policy"],
            )?,
            stages: counter("lamassu_stages_total", "Stages by what became of them.", &["stage", "status"])?,
            seconds: histogram("lamassu_verdict_seconds", "Time to a verdict.", &["policy"])?,
            summaries: counter(
                "lamassu_summaries_total",
                "Summaries by whose words they are in.",
                &["policy", "mode"],
            )?,
            withheld: counter(
                "lamassu_withheld_total",
                "Parts of documents and of summaries that were kept out.",
                &["policy", "what"],
            )?,
            summary_seconds: histogram("lamassu_summary_seconds", "Time to a summary.", &["policy"])?,
            stage_seconds: histogram("lamassu_stage_seconds", "Time of a stage.", &["stage"])?,
            registry,
        })
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
    pub fn count(&self, policy: &str, judgment: &Judgment, took: Duration) {
        self.verdicts.with_label_values(&[policy, judgment.verdict.action.name()]).inc();
        self.count_stages(policy, &judgment.record);
        self.seconds.with_label_values(&[policy]).observe(took.as_secs_f64());
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
        if record.degraded() {
            self.degraded.with_label_values(&[policy]).inc();
        }
        for run in &record.stages {
            self.stages.with_label_values(&[&*run.stage, run.status.name()]).inc();
            self.stage_seconds.with_label_values(&[&*run.stage]).observe(run.took.as_secs_f64());
        }
    }

    /// All counters in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// A counter that cannot be written.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// A text being judged, as counted.
#[derive(Debug)]
pub struct Judging(IntGauge);

impl Drop for Judging {
    fn drop(&mut self) {
        self.0.dec();
    }
}
