//! `POST /v1alpha1/comments:analyze`

use std::collections::BTreeMap;
use std::ops::Range;

use futures::{StreamExt, TryStreamExt, stream};
use plugins::extract::{Unit, offsets};
use policies::{Judgment, Policy};
use tokio::sync::SemaphorePermit;

use super::answer::Answer;
use super::attribute::Attribute;
use super::desk::Desk;
use super::error::{Fault, GoogleError};
use super::wire::{AnalyzeAnswer, AnalyzeRequest, AttributeScores, Score, SpanScore, text_of};
use super::{language, relaxed};
use crate::config;
use crate::error::ApiError;
use crate::moderator::{Docket, Terms};

/// Spans of one comment that are scored by themselves; the last one holds all that is left.
const MAX_SPANS: usize = 64;
/// Spans judged at the same time.
const AT_ONCE: usize = 4;
/// The longest name of an attribute that an error repeats.
const MAX_NAME: usize = 64;

/// A request that has been checked.
struct Order {
    text: String,
    attributes: Vec<(Attribute, Option<f64>)>,
    languages: Vec<String>,
    detected: &'static str,
    spans: bool,
    client_token: Option<String>,
}

/// A stretch of the comment and how it was judged; without a judgment there is nothing in it to judge.
type Judged = (Range<usize>, Option<Judgment>);

/// Scores a comment.
pub(super) async fn analyze(desk: &Desk, body: &[u8]) -> Result<Answer, GoogleError> {
    let request: AnalyzeRequest = relaxed::read(body)?;
    let docket = desk.moderator.docket(&Terms::default())?;
    let order = Order::new(request, &desk.options, docket.policy())?;
    let place = desk.moderator.try_place()?;
    let whole = desk.moderator.judge(&docket, order.text.clone(), &place).await?;
    let spans = if order.spans { spans(desk, &docket, &order, &place).await? } else { Vec::new() };
    Answer::new(&order.answer(&whole, &spans)?)
}

/// The comment's sentences, each judged by itself.
async fn spans(
    desk: &Desk,
    docket: &Docket,
    order: &Order,
    place: &SemaphorePermit<'_>,
) -> Result<Vec<Judged>, GoogleError> {
    let text = order.text.as_str();
    let mut ranges = plugins::sentences(text, Some(order.detected));
    if let (true, Some(last)) = (ranges.len() > MAX_SPANS, ranges.last().cloned()) {
        ranges.truncate(MAX_SPANS);
        ranges.iter_mut().next_back().into_iter().for_each(|rest| rest.end = last.end);
    }
    let judged = ranges.into_iter().map(|range| async move {
        let part = text.get(range.clone()).unwrap_or_default().to_owned();
        match desk.moderator.judge(docket, part, place).await {
            Ok(judgment) => Ok((range, Some(judgment))),
            // The whole was fit to be judged: what is not is an ornament.
            Err(ApiError::Content(_)) => Ok((range, None)),
            Err(error) => Err(GoogleError::from(error)),
        }
    });
    stream::iter(judged).buffered(AT_ONCE).try_collect().await
}

impl Order {
    fn new(
        request: AnalyzeRequest,
        options: &config::Perspective,
        policy: &Policy,
    ) -> Result<Self, GoogleError> {
        request.check_context()?;
        let text = text_of(request.comment, options.max_bytes)?;
        let requested = request.requested_attributes.unwrap_or_default();
        if requested.is_empty() {
            let message = "Missing requested_attributes";
            return Err(GoogleError::fault(Fault::NoRequestedAttributes, message));
        }
        let mut attributes = Vec::with_capacity(requested.len());
        for (name, parameters) in requested {
            let parameters = parameters.unwrap_or_default();
            match Attribute::named(&name, policy) {
                Some(attribute) => {
                    parameters.check(&name)?;
                    attributes.push((attribute, parameters.score_threshold));
                }
                None if options.omit_unsupported => {}
                None => return Err(unknown(&name)),
            }
        }
        let languages = request.languages.unwrap_or_default();
        let detected = language::detected(&text);
        let supported = languages.iter().all(|language| language::is_supported(language));
        if let (false, Some((attribute, _))) = (supported, attributes.first()) {
            return Err(GoogleError::language(attribute.name(), &shown(&languages), detected));
        }
        let spans = request.span_annotations.unwrap_or_default();
        Ok(Self { text, attributes, languages, detected, spans, client_token: request.client_token })
    }

    fn answer(&self, whole: &Judgment, spans: &[Judged]) -> Result<AnalyzeAnswer, GoogleError> {
        let mut attribute_scores = BTreeMap::new();
        let ranges: Vec<_> = spans.iter().map(|(range, _)| range.clone()).collect();
        let extents = offsets(&self.text, &ranges, Unit::Utf16);
        let length = self.text.encode_utf16().count();
        for (attribute, threshold) in &self.attributes {
            let value = attribute.score(whole).ok_or_else(|| unscored(attribute, whole))?;
            if threshold.is_some_and(|threshold| f64::from(value) < threshold) {
                continue;
            }
            let mut span_scores = Vec::with_capacity(spans.len().max(1));
            for (extent, (_, judgment)) in extents.iter().zip(spans) {
                let (begin, end) = (extent.start, extent.start + extent.length);
                let score = judgment.as_ref().and_then(|judgment| attribute.score(judgment));
                span_scores.push(SpanScore { begin, end, score: Score::of(score.unwrap_or_default()) });
            }
            // Many callers read the first span and nothing else.
            if span_scores.is_empty() {
                span_scores.push(SpanScore { begin: 0, end: length, score: Score::of(value) });
            }
            let scores = AttributeScores { span_scores, summary_score: Score::of(value) };
            attribute_scores.insert(attribute.name().to_owned(), scores);
        }
        let detected = vec![self.detected.to_owned()];
        let languages = if self.languages.is_empty() { detected } else { self.languages.clone() };
        Ok(AnalyzeAnswer {
            attribute_scores,
            languages,
            detected_languages: [self.detected],
            client_token: self.client_token.clone(),
        })
    }
}

/// Refuses an attribute that nothing measures. It comes back only if it looks like a name: anything may stand there.
fn unknown(name: &str) -> GoogleError {
    let looks_so = name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_@".contains(&byte));
    let shown = if looks_so { name } else { "(not a name)" };
    GoogleError::fault(Fault::InvalidRequest, format!("Unknown requested attribute: {shown}"))
}

/// No stage could tell of `attribute`: because one failed, or because the policy in force has none that can.
fn unscored(attribute: &Attribute, judgment: &Judgment) -> GoogleError {
    if judgment.record.degraded() {
        return ApiError::Overloaded.into();
    }
    unknown(attribute.name())
}

/// Languages as an error repeats them: only what looks like one.
fn shown(languages: &[String]) -> Vec<String> {
    let looks_so = |language: &&String| {
        language.len() <= MAX_NAME
            && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    languages.iter().filter(looks_so).cloned().collect()
}
