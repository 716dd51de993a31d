//! What is served, as `OpenAPI` describes it: `/openapi.json`, and a page to read it and to try it at `/docs`.
//!
//! Each facade describes its operations beside its handlers; schemas are made from the types on the wire. A test asks
//! the running service for every operation, and for every method that is not described.
//!
//! Source: the `OpenAPI` specification 3.1.1.

mod operation;
mod page;
mod schemas;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

pub(super) use operation::Operation;
pub(super) use page::routes;

use super::{
    banks, contentsafety, decisions, detectors, grounds, health, language, lines, litellm, native, openai,
    perspective, policies, presidio, rows, skills, summaries,
};
use crate::json::ErrorJson;
use schemas::{Schemas, Way};

/// The description, as it is served.
static WRITTEN: LazyLock<String> = LazyLock::new(|| {
    // Maps of strings and numbers: there is nothing in them that JSON cannot hold.
    serde_json::to_string(&written()).unwrap_or_default()
});

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Everybody.
    Open,
    /// Whoever shows a key in a header.
    Keyed,
    /// Whoever shows a key in a header or in the query.
    KeyedOrQuery,
    /// Everybody who shows no wrong key.
    UnlessWrong,
}

impl Door {
    /// The ways in, any of which will do.
    fn security(self) -> Value {
        let headers = ["bearer", "apiKey", "subscriptionKey", "xApiKey", "googleApiKey"];
        let query = (self != Self::Keyed).then_some("keyInQuery");
        let ways = headers.into_iter().chain(query).map(|way| Map::from_iter([(way.to_owned(), json!([]))]));
        match self {
            Self::Open => json!([]),
            Self::Keyed | Self::KeyedOrQuery => ways.collect(),
            Self::UnlessWrong => std::iter::once(Map::new()).chain(ways).collect(),
        }
    }
}

/// What the operations of a facade have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dress {
    pub(super) door: Door,
    /// The statuses that each may refuse a request with.
    pub(super) always: &'static [u16],
    /// Those that reading a body adds.
    pub(super) reading: &'static [u16],
}

impl Dress {
    /// Nobody needs a key.
    pub(super) const OPEN: Self = Self { door: Door::Open, always: &[], reading: &[] };
    /// Everybody needs one.
    pub(super) const KEYED: Self =
        Self { door: Door::Keyed, always: &[401, 403, 429, 500], reading: &[400, 408, 413] };
}

/// The description while it is written.
pub(super) struct Book {
    paths: Value,
    tags: Vec<Value>,
    schemas: Schemas,
}

/// A facade's part of it.
pub(super) struct Page<'b> {
    book: &'b mut Book,
    facade: &'static str,
    dress: Dress,
    error: Value,
}

impl Book {
    /// The part of a facade whose errors look like `E`.
    pub(super) fn page<E: schemars::JsonSchema>(
        &mut self,
        (facade, what): (&'static str, &str),
        dress: Dress,
    ) -> Page<'_> {
        self.tags.push(json!({"name": facade, "description": what}));
        let error = self.schemas.of::<E>(facade, Way::Out);
        Page { book: self, facade, dress, error }
    }
}

impl Page<'_> {
    /// Describes the operation at `path`; `method` is in small letters.
    pub(super) fn operation(&mut self, method: &'static str, path: &str, summary: &str) -> Operation<'_> {
        let Self { book, facade, dress, error } = self;
        let (error, path) = (error.clone(), path.to_owned());
        Operation { book, dress: *dress, facade, error, path, method }.begun(summary)
    }

    /// The same for what another door leads to.
    pub(super) fn through(&mut self, door: Door) -> Page<'_> {
        let dress = Dress { door, ..self.dress };
        Page { book: self.book, facade: self.facade, dress, error: self.error.clone() }
    }
}

/// Everything that is served.
pub(super) fn written() -> Value {
    let mut book = Book { paths: json!({}), tags: Vec::new(), schemas: Schemas::default() };
    described(&mut book);
    let Book { paths, tags, schemas } = book;
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Lamassu", "version": env!("CARGO_PKG_VERSION"),
            "summary": "A content filter that looks up what was decided before.",
            "description": "One listener serves the native API and those of several vendors, whose clients need \
                another address and another key. Every answer names its request in `x-request-id`. A method that a path \
                does not take is answered with 405, a path where nothing lives with 404, each in the facade's own dress.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {"schemas": schemas.into_named(), "headers": headers(), "securitySchemes": keys()},
    })
}

/// Every facade, as it describes itself.
fn described(book: &mut Book) {
    page::described(book);
    health::described(book);
    let what = "This service's own API: verdicts with their reasons, summaries, banks, decisions.";
    let mut page = book.page::<ErrorJson>(("native", what), Dress::KEYED);
    native::described(&mut page);
    banks::described(&mut page);
    rows::described(&mut page);
    lines::described(&mut page);
    summaries::described(&mut page);
    grounds::described(&mut page);
    policies::described(&mut page);
    decisions::described(&mut page);
    contentsafety::described(book);
    language::described(book);
    openai::described(book);
    perspective::described(book);
    skills::described(book);
    litellm::described(book);
    detectors::described(book);
    presidio::described(book);
}

fn headers() -> Value {
    let text = |what: &str| json!({"description": what, "schema": {"type": "string"}});
    json!({
        "RequestId": text("The request's id: the caller's own, if it has a sensible one. The log knows it."),
        "Decision": text("Under which id `/v1/lamassu/decisions/{id}` tells what the answer rests on, where something was \
            decided."),
        "Degraded": {
            "description": "Whether a stage failed, so that the answer rests on the others.",
            "schema": {"type": "string", "enum": ["true", "false"]},
        },
        "Policy": text("The digest of the policy in force."),
        "RetryAfter": {
            "description": "Seconds after which the same request may succeed.", "required": true,
            "schema": {"type": "integer", "minimum": 1},
        },
    })
}

fn keys() -> Value {
    let header = |name: &str| json!({"type": "apiKey", "in": "header", "name": name});
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer",
            "description": "A key, or a token of Microsoft Entra ID where those are taken.",
        },
        "apiKey": header("api-key"),
        "subscriptionKey": header("Ocp-Apim-Subscription-Key"),
        "xApiKey": header("x-api-key"),
        "googleApiKey": header("X-Goog-Api-Key"),
        "keyInQuery": {"type": "apiKey", "in": "query", "name": "key"},
    })
}
