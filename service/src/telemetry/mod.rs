//! What happens, told to an OpenTelemetry collector: a span for each request and each stage, and the metrics.
//!
//! Spans hold routes, statuses, ids and names of stages; nothing that a caller wrote but its request id. Events are not
//! sent: their fields are for the log.

mod metrics;
mod spans;
mod wire;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, layer::Filter};

use crate::config;
use crate::metrics::Metrics;
use metrics::Reports;
use spans::{Bounded, Counted, Tally};
use wire::Wire;

/// Spans that are sent at once, at most.
const BATCH: usize = 512;

/// Why nothing can be told to the collector.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A header cannot be sent.
    #[error("`telemetry.headers`: `{0}` cannot be a header, or its value cannot")]
    Header(String),
    /// The variables that OpenTelemetry defines, or the address, ask for what is not there.
    #[error("traces cannot be sent by OTLP")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metrics are counted already.
    #[error("what is sent cannot be counted")]
    Metrics(#[from] prometheus::Error),
    /// No thread can be started.
    #[error("the metrics cannot be sent")]
    Thread(#[source] std::io::Error),
}

/// What is sent to a collector. It never holds a request up: what the collector does not take is dropped, and counted.
pub struct Telemetry {
    provider: SdkTracerProvider,
    tally: Tally,
    resource: Resource,
    wire: Wire,
    reports: Option<Reports>,
    timeout: Duration,
    every: Duration,
}

impl Telemetry {
    /// Begins to send, if there is somebody to send to. Nothing is connected to yet.
    ///
    /// # Errors
    ///
    /// [`TelemetryError`] says what to change in the configuration.
    pub fn open(config: &config::Telemetry) -> Result<Option<Self>, TelemetryError> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let timeout = Duration::from_millis(config.timeout_ms);
        let (wire, tally) = (Wire::new(endpoint, &config.headers, timeout)?, Tally::new()?);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(wire.clone())
            .with_endpoint(wire.address("/v1/traces"))
            .with_timeout(timeout)
            .build()?;
        let resource = resource(config.service_name.as_deref().unwrap_or("lamassu"));
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(config.queue)
            .with_max_export_batch_size(config.queue.min(BATCH));
        let processor = BatchSpanProcessor::builder(Counted::new(exporter, tally.clone()))
            .with_batch_config(batches.build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_span_processor(Bounded::new(processor, tally.clone(), config.queue))
            .build();
        let every = Duration::from_secs(config.metrics_seconds);
        Ok(Some(Self { provider, tally, resource, wire, reports: None, timeout, every }))
    }

    /// What listens to this process' spans.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("lamassu"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_level(false)
            .with_filter(ours())
    }

    /// Sends `metrics` from time to time, and counts among them what becomes of the spans.
    ///
    /// # Errors
    ///
    /// They are sent already, or no thread can be started.
    pub fn report(&mut self, metrics: &Metrics) -> Result<(), TelemetryError> {
        self.tally.register(metrics.registry())?;
        let reports = Reports::start((self.wire.clone(), &self.resource), metrics.clone(), self.every);
        self.reports = Some(reports.map_err(TelemetryError::Thread)?);
        Ok(())
    }

    /// Sends what is left, in the time that the collector has for an answer.
    pub fn close(self) {
        // A collector that is not there is in the counters, and they are gone with the process.
        let _ = self.provider.shutdown_with_timeout(self.timeout);
        if let Some(reports) = self.reports {
            reports.close();
        }
    }
}

/// Only requests and stages: no library's spans, no events.
fn ours<S: Subscriber>() -> impl Filter<S> {
    let is_ours = |of: &Metadata<'_>| {
        let name = (of.name(), of.target().split("::").next().unwrap_or_default());
        of.is_span() && [("request", "service"), ("stage", "policies")].contains(&name)
    };
    FilterFn::new(is_ours).with_max_level_hint(LevelFilter::DEBUG)
}

/// Who sends: the name, and whatever `OTEL_RESOURCE_ATTRIBUTES` says besides.
fn resource(name: &str) -> Resource {
    let own = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()),
    ];
    Resource::builder().with_service_name(name.to_owned()).with_attributes(own).build()
}
