//! `[telemetry]`: where traces and metrics are sent by OTLP.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Address of a collector that takes OTLP over HTTP, `http://127.0.0.1:4318`, as `OTEL_EXPORTER_OTLP_ENDPOINT` also
    /// says; nothing is sent unless given.
    pub endpoint: Option<String>,
    /// Headers of what is sent there, a key for instance, as `OTEL_EXPORTER_OTLP_HEADERS` also says; in the file only.
    pub headers: BTreeMap<String, String>,
    /// The name this service is known by there, as `OTEL_SERVICE_NAME` also says; `lamassu` unless given.
    pub service_name: Option<String>,
    /// Spans that may wait to be sent; more are dropped, and counted.
    pub queue: usize,
    /// Seconds between two reports of the metrics.
    pub metrics_seconds: u64,
    /// Milliseconds that the collector may take for an answer, and a clean stop for sending the last spans.
    pub timeout_ms: u64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            service_name: None,
            queue: 2048,
            metrics_seconds: 60,
            timeout_ms: 5_000,
        }
    }
}

impl Telemetry {
    /// Takes what neither the file nor this service's own variables say from the variables that OpenTelemetry defines.
    pub(super) fn or_standard(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        self.endpoint = self.endpoint.or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
        self.service_name = self.service_name.or_else(|| variable("OTEL_SERVICE_NAME"));
        if self.headers.is_empty()
            && let Some(given) = variable("OTEL_EXPORTER_OTLP_HEADERS")
        {
            self.headers = headers(&given);
        }
        self
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.endpoint.as_deref().is_some_and(|endpoint| !super::is_address(endpoint)) {
            return Some("`telemetry.endpoint` is an address like `http://127.0.0.1:4318`");
        }
        if self.queue == 0 || self.metrics_seconds == 0 || self.timeout_ms == 0 {
            return Some(
                "`telemetry.queue`, `telemetry.metrics_seconds` and `telemetry.timeout_ms` are at least 1",
            );
        }
        None
    }
}

/// `name=value,name=value`, the values percent-encoded. *Source*: OpenTelemetry, Protocol Exporter, "Specifying headers".
fn headers(given: &str) -> BTreeMap<String, String> {
    let pairs = given.split(',').filter_map(|pair| pair.split_once('='));
    let decoded = |value: &str| percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::Telemetry;

    #[test]
    fn the_standard_variables_say_what_the_configuration_does_not() {
        let standard = |name: &str| {
            Some(
                match name {
                    "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://collector:4318",
                    "OTEL_EXPORTER_OTLP_HEADERS" => "authorization=Bearer%20k, x-team = moderation",
                    _ => "filter",
                }
                .to_owned(),
            )
        };
        let read = Telemetry::default().or_standard(standard);
        assert_eq!(read.endpoint.as_deref(), Some("http://collector:4318"));
        assert_eq!(read.service_name.as_deref(), Some("filter"));
        let headers: Vec<_> =
            read.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("authorization", "Bearer k"), ("x-team", "moderation")]);
        let own = Telemetry { endpoint: Some("http://own:1".to_owned()), ..Telemetry::default() };
        assert_eq!(own.or_standard(standard).endpoint.as_deref(), Some("http://own:1"));
    }
}
