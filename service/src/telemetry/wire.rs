//! The way to the collector.

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

use super::TelemetryError;

/// Bytes of an answer that are read: a collector says little.
const ANSWER: u64 = 1 << 20;

/// Sends to one collector. It waits for the answer, so only threads of their own may call it.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    endpoint: String,
    headers: HeaderMap,
    agent: ureq::Agent,
}

impl Wire {
    pub(super) fn new(
        endpoint: &str,
        headers: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Result<Self, TelemetryError> {
        let header = |(name, value): (&String, &String)| {
            let wrong = || TelemetryError::Header(name.clone());
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            Ok((HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value))
        };
        let headers = headers.iter().map(header).collect::<Result<_, TelemetryError>>()?;
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(timeout));
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Self { endpoint, headers, agent: agent.build().into() })
    }

    /// The collector's address for one kind of what is sent.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.endpoint)
    }

    /// Sends one message as protobuf; whether it was taken.
    pub(super) fn post(&self, path: &str, message: Vec<u8>) -> Result<(), HttpError> {
        let request = Request::post(self.address(path)).header(CONTENT_TYPE, "application/x-protobuf");
        let status = self.send(request.body(message)?)?.status();
        if status.is_success() { Ok(()) } else { Err(format!("the collector answers {status}").into()) }
    }

    fn send(&self, mut request: Request<Vec<u8>>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        let (head, mut body) = self.agent.run(request)?.into_parts();
        let body = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.send(request.map(|body| body.to_vec()))
    }
}
