//! An answer as it is written: server-sent events.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Bytes;
use futures::future::ready;
use futures::{StreamExt, stream};
use serde::Serialize;

use super::super::error::OpenAiError;
use super::answer::{DeltaJson, Facts};
use crate::scribe::{Said, Speech};

/// What every stream ends with.
const DONE: &str = "data: [DONE]\n\n";

/// Answers by events. The speech lives in the body: a caller who hangs up ends it.
pub(super) fn streamed(speech: Speech, facts: Facts) -> HttpResponse {
    let first = stream::once(ready(event(&facts.chunk(DeltaJson::role())).into()));
    let parts = stream::unfold((speech, facts), |(mut speech, facts)| async move {
        let said = speech.next().await?;
        let events = events(&facts, said.map_err(OpenAiError::from));
        Some((Bytes::from(events), (speech, facts)))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(first.chain(parts).map(Ok::<Bytes, actix_web::Error>))
}

fn events(facts: &Facts, said: Result<Said, OpenAiError>) -> String {
    match said {
        Ok(Said::Text(text)) => event(&facts.chunk(DeltaJson::content(text))),
        Ok(Said::End(end)) => {
            let last: String = facts.last(&end).iter().map(event).collect();
            last + DONE
        }
        Err(error) => event(&error.body()) + DONE,
    }
}

/// One server-sent event. Source: WHATWG HTML, section 9.2.
fn event(data: &impl Serialize) -> String {
    // Maps of strings and numbers: there is nothing in them that JSON cannot hold, and no end of a line.
    format!("data: {}\n\n", serde_json::to_string(data).unwrap_or_default())
}
