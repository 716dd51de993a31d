//! Spans on their way: so many may wait, and each is counted as sent or as dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// What became of spans.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Spans that wait, or are being sent.
    waiting: Arc<AtomicUsize>,
    sent: IntCounter,
    dropped: IntCounterVec,
}

impl Tally {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let dropped = Opts::new("lamassu_spans_dropped_total", "Spans that no collector has, by why.");
        let dropped = IntCounterVec::new(dropped, &["reason"])?;
        for reason in ["queue_full", "not_taken"] {
            dropped.with_label_values(&[reason]);
        }
        let sent = IntCounter::new("lamassu_spans_sent_total", "Spans that the collector has taken.")?;
        Ok(Self { waiting: Arc::default(), sent, dropped })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.sent.clone()))?;
        registry.register(Box::new(self.dropped.clone()))
    }

    fn drop_spans(&self, reason: &str, count: usize) {
        self.dropped.with_label_values(&[reason]).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// Lets a span wait if there is room, and drops it otherwise; it never blocks.
///
/// The processor behind it has as much room, so it drops none that nobody counts.
#[derive(Debug)]
pub(super) struct Bounded {
    batched: BatchSpanProcessor,
    tally: Tally,
    room: usize,
}

impl Bounded {
    pub(super) fn new(batched: BatchSpanProcessor, tally: Tally, room: usize) -> Self {
        Self { batched, tally, room }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batched.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let one_more = |waiting| (waiting < self.room).then_some(waiting + 1);
        match self.tally.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more) {
            Ok(_) => self.batched.on_end(span),
            Err(_) => self.tally.drop_spans("queue_full", 1),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batched.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batched.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batched.set_resource(resource);
    }
}

/// Sends spans, and counts what became of them.
#[derive(Debug)]
pub(super) struct Counted<E> {
    exporter: E,
    tally: Tally,
    /// Whether the last batch was not taken: that is said when it begins, not with every batch.
    failing: AtomicBool,
}

impl<E> Counted<E> {
    pub(super) fn new(exporter: E, tally: Tally) -> Self {
        Self { exporter, tally, failing: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.exporter.export(batch).await;
        match &result {
            Ok(()) => {
                self.failing.store(false, Ordering::Relaxed);
                self.tally.sent.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
            }
            Err(error) => {
                self.tally.drop_spans("not_taken", count);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the collector does not take spans; they are counted as dropped");
                }
            }
        }
        // Only now: what is being sent takes memory as well.
        self.tally.waiting.fetch_sub(count, Ordering::AcqRel);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
