//! The metrics as OTLP has them. What `/metrics` shows and what is sent is one registry, so they cannot differ.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use prometheus::proto::{LabelPair, Metric as Counted, MetricFamily, MetricType};
use prost::Message;

use super::wire::Wire;
use crate::metrics::Metrics;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// A thread that sends the metrics from time to time, and once more when it is closed.
pub(super) struct Reports {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Reports {
    pub(super) fn start(
        (wire, resource): (Wire, &Resource),
        metrics: Metrics,
        every: Duration,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let report = Report { resource: wire_resource(resource), since: now() };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            let mut failing = false;
            loop {
                let over = stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout);
                let message = report.of(&metrics.gather()).encode_to_vec();
                let sent = wire.post("/v1/metrics", message);
                if let Err(error) = &sent
                    && !failing
                {
                    tracing::warn!(%error, "the collector does not take metrics");
                }
                failing = sent.is_err();
                if over {
                    return;
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Sends the metrics once more, and waits for it.
    pub(super) fn close(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that sends the metrics had panicked");
        }
    }
}

/// What all reports have in common.
struct Report {
    resource: WireResource,
    /// When the counters were at zero. *Units*: nanoseconds since 1970.
    since: u64,
}

impl Report {
    fn of(&self, families: &[MetricFamily]) -> ExportMetricsServiceRequest {
        let at = Span { since: self.since, now: now() };
        let scope = InstrumentationScope { name: "lamassu".to_owned(), ..InstrumentationScope::default() };
        let metrics = families.iter().filter_map(|family| at.metric(family)).collect();
        let scoped = ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() };
        let resource = Some(self.resource.clone());
        let of_all = ResourceMetrics { resource, scope_metrics: vec![scoped], ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![of_all] }
    }
}

/// The time that one report is about.
struct Span {
    since: u64,
    now: u64,
}

impl Span {
    fn metric(&self, family: &MetricFamily) -> Option<Metric> {
        let counted = family.get_metric().iter();
        let data = match family.get_field_type() {
            MetricType::COUNTER => Data::Sum(Sum {
                data_points: counted.map(|one| self.number(one, one.get_counter().get_value())).collect(),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: true,
            }),
            MetricType::GAUGE => {
                let data_points = counted.map(|one| self.number(one, one.get_gauge().get_value())).collect();
                Data::Gauge(Gauge { data_points })
            }
            MetricType::HISTOGRAM => Data::Histogram(Histogram {
                data_points: counted.map(|one| self.histogram(one)).collect(),
                aggregation_temporality: CUMULATIVE,
            }),
            // The service has none.
            MetricType::SUMMARY | MetricType::UNTYPED => return None,
        };
        let unit = if family.name().ends_with("_seconds") { "s" } else { "1" };
        Some(Metric {
            name: family.name().to_owned(),
            description: family.help().to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn number(&self, of: &Counted, value: f64) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(of.get_label()),
            start_time_unix_nano: self.since,
            time_unix_nano: self.now,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        }
    }

    /// Prometheus counts what lies below a bound, OTLP what lies between two.
    fn histogram(&self, of: &Counted) -> HistogramDataPoint {
        let histogram = of.get_histogram();
        let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
        let (mut bounds, mut counts, mut below) = (Vec::new(), Vec::new(), 0);
        for bucket in finite {
            bounds.push(bucket.upper_bound());
            counts.push(bucket.cumulative_count().saturating_sub(below));
            below = bucket.cumulative_count();
        }
        counts.push(histogram.get_sample_count().saturating_sub(below));
        HistogramDataPoint {
            attributes: attributes(of.get_label()),
            start_time_unix_nano: self.since,
            time_unix_nano: self.now,
            count: histogram.get_sample_count(),
            sum: Some(histogram.get_sample_sum()),
            bucket_counts: counts,
            explicit_bounds: bounds,
            ..HistogramDataPoint::default()
        }
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<KeyValue> {
    let attribute = |label: &LabelPair| KeyValue {
        key: label.name().to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(label.value().to_owned())) }),
        ..KeyValue::default()
    };
    labels.iter().map(attribute).collect()
}

fn wire_resource(resource: &Resource) -> WireResource {
    let ResourceAttributesWithSchema { attributes, .. } = resource.into();
    WireResource { attributes: attributes.0, ..WireResource::default() }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_as_many_in_its_buckets_as_were_observed() {
        let options = prometheus::HistogramOpts::new("a_seconds", "b").buckets(vec![1.0, 2.0]);
        let histogram = prometheus::Histogram::with_opts(options).expect("a histogram");
        for seconds in [0.5, 1.5, 1.6, 9.0] {
            histogram.observe(seconds);
        }
        let families = prometheus::core::Collector::collect(&histogram);
        let metric = Span { since: 1, now: 2 }.metric(&families[0]).expect("a metric");
        let Some(Data::Histogram(found)) = metric.data else { panic!("no histogram") };
        let point = &found.data_points[0];
        assert_eq!((&*point.explicit_bounds, &*point.bucket_counts), (&[1.0, 2.0][..], &[1, 2, 1][..]));
        assert_eq!((point.count, point.sum, &*metric.unit), (4, Some(12.6), "s"));
    }
}
