//! What a client asks of a chat.

use std::collections::BTreeMap;
use std::sync::Arc;

use inference::{Constraint, Sampling};
use policies::Action;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::models::moderation_model;
use super::super::moderations::{Part, joined};
use crate::error::ApiError;
use crate::scribe::{Lines, Order, Talk};

/// Texts that may end an answer, at most.
const STOPS: usize = 4;

/// A request. Members that are not here are left alone: clients send ever more of them.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ChatRequest {
    pub(super) model: Option<String>,
    messages: Option<Vec<MessageJson>>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    seed: Option<i64>,
    n: Option<u32>,
    stop: Option<Stops>,
    logit_bias: Option<BTreeMap<String, f32>>,
    logprobs: Option<bool>,
    response_format: Option<FormatJson>,
    tools: Option<Vec<Value>>,
    functions: Option<Vec<Value>>,
    audio: Option<Value>,
    web_search_options: Option<Value>,
    moderation: Option<ModerationJson>,
    #[serde(default, deserialize_with = "or_false")]
    pub(super) stream: bool,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize, JsonSchema)]
struct MessageJson {
    role: String,
    content: Option<ContentJson>,
    tool_calls: Option<Vec<Value>>,
    function_call: Option<Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ContentJson {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Stops {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
struct FormatJson {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<SchemaJson>,
}

#[derive(Deserialize, JsonSchema)]
struct SchemaJson {
    schema: Option<Value>,
}

#[derive(Deserialize, JsonSchema)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// What is to be said of prompt and answer, and from where on they are kept back.
#[derive(Deserialize, JsonSchema)]
struct ModerationJson {
    model: String,
    policy: Option<LinesJson>,
}

#[derive(Deserialize, JsonSchema)]
struct LinesJson {
    input: Option<ModeJson>,
    output: Option<ModeJson>,
}

#[derive(Deserialize, JsonSchema)]
struct ModeJson {
    mode: Mode,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Score,
    Block,
}

fn or_false<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ChatRequest {
    /// Refuses what this service does not do, so that nothing is left out in silence.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if self.messages.as_ref().is_none_or(Vec::is_empty) {
            return Err(field("messages", "there is none"));
        }
        let has = |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let unsupported = [
            (has(&self.tools), "tools", "calling tools"),
            (has(&self.functions), "functions", "calling functions"),
            (self.audio.is_some(), "audio", "speaking"),
            (self.web_search_options.is_some(), "web_search_options", "searching the web"),
            (self.logprobs == Some(true), "logprobs", "showing probabilities"),
            (self.n.is_some_and(|n| n != 1), "n", "more than one choice"),
        ];
        match unsupported.into_iter().find(|(is_asked, ..)| *is_asked) {
            Some((_, field, what)) => Err(ApiError::Unsupported { field, what }),
            None => Ok(()),
        }
    }

    /// The model whose words the answer's results are to be in, with the policy that it names; none if none are wanted.
    pub(super) fn moderation_model(&self) -> Result<Option<(String, Option<String>)>, ApiError> {
        self.moderation.as_ref().map(|asked| moderation_model(Some(asked.model.clone()))).transpose()
    }

    pub(super) fn includes_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or_default()
    }

    /// The order that a scribe follows.
    pub(super) fn order(self, by: Arc<str>) -> Result<Order, ApiError> {
        let new = self.max_completion_tokens.or(self.max_tokens);
        if new == Some(0) {
            return Err(field("max_tokens", "an answer has at least one"));
        }
        Ok(Order {
            sampling: self.sampling()?,
            new,
            stops: self.stop.map_or_else(|| Ok(Vec::new()), Stops::texts)?,
            constraint: self.response_format.map_or(Ok(None), FormatJson::constraint)?,
            streamed: self.stream,
            lines: self.moderation.map(ModerationJson::lines).unwrap_or_default(),
            talk: talk(self.messages.unwrap_or_default())?,
            by,
        })
    }

    fn sampling(&self) -> Result<Sampling, ApiError> {
        let number = |name, given: Option<f32>, (least, most, default): (f32, f32, f32)| {
            let value = given.unwrap_or(default);
            let fits = (least..=most).contains(&value);
            fits.then_some(value).ok_or_else(|| field(name, &format!("it lies within {least} to {most}")))
        };
        let top_p = number("top_p", self.top_p, (0.0, 1.0, 1.0))?;
        let temperature = number("temperature", self.temperature, (0.0, 2.0, 1.0))?;
        // Nothing but the likeliest token is left then.
        let (top_p, temperature) = if top_p > 0.0 { (top_p, temperature) } else { (1.0, 0.0) };
        // Its second half is made of random bits but for two.
        let chance = || Uuid::now_v7().as_u64_pair().1;
        Ok(Sampling {
            temperature,
            top_p,
            presence: number("presence_penalty", self.presence_penalty, (-2.0, 2.0, 0.0))?,
            frequency: number("frequency_penalty", self.frequency_penalty, (-2.0, 2.0, 0.0))?,
            bias: self.bias()?,
            seed: self.seed.map_or_else(chance, i64::cast_unsigned),
            ..Sampling::default()
        })
    }

    fn bias(&self) -> Result<Vec<(u32, f32)>, ApiError> {
        let bias = |(id, bias): (&String, &f32)| {
            let id = id.parse().map_err(|_| field("logit_bias", "its keys are ids of tokens"))?;
            let fits = (-100.0..=100.0).contains(bias);
            fits.then_some((id, *bias))
                .ok_or_else(|| field("logit_bias", "its values lie within -100 to 100"))
        };
        self.logit_bias.iter().flatten().map(bias).collect()
    }
}

impl Stops {
    fn texts(self) -> Result<Vec<String>, ApiError> {
        let texts = match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        };
        if texts.len() > STOPS || texts.iter().any(String::is_empty) {
            return Err(field("stop", &format!("at most {STOPS} texts, none of them empty")));
        }
        Ok(texts)
    }
}

impl FormatJson {
    fn constraint(self) -> Result<Option<Constraint>, ApiError> {
        match (self.kind.as_str(), self.json_schema.and_then(|asked| asked.schema)) {
            ("text", _) => Ok(None),
            ("json_object", _) => Ok(Some(Constraint::JsonSchema(json!({"type": "object"})))),
            ("json_schema", Some(schema)) => Ok(Some(Constraint::JsonSchema(schema))),
            ("json_schema", None) => Err(field("response_format", "it has no `json_schema.schema`")),
            _ => Err(field("response_format", "its type is none of text, json_object, json_schema")),
        }
    }
}

impl ModerationJson {
    /// What is blocked beyond what the service keeps back: whatever is flagged.
    fn lines(self) -> Lines {
        let line = |mode: Option<ModeJson>| match mode?.mode {
            Mode::Score => None,
            Mode::Block => Some(Action::Flag),
        };
        let LinesJson { input, output } = self.policy.unwrap_or(LinesJson { input: None, output: None });
        Lines { prompt: line(input), answer: line(output) }
    }
}

/// The conversation as a LLaMA knows it: turns in which a person and the model alternate. What one of them said in
/// several messages is one turn.
fn talk(messages: Vec<MessageJson>) -> Result<Talk, ApiError> {
    let mut talk = Talk::default();
    let mut replied: Option<String> = None;
    for message in messages {
        let MessageJson { role, content, tool_calls, function_call } = message;
        if tool_calls.is_some_and(|calls| !calls.is_empty()) || function_call.is_some() {
            return Err(ApiError::Unsupported { field: "messages", what: "calling tools" });
        }
        let text = match content {
            Some(ContentJson::Text(text)) => text,
            Some(ContentJson::Parts(parts)) => joined(parts, "messages")?,
            None => String::new(),
        };
        match role.as_str() {
            "system" | "developer" => append(talk.system.get_or_insert_default(), &text),
            "assistant" => append(replied.get_or_insert_default(), &text),
            "user" => {
                if let Some(reply) = replied.take() {
                    talk.turns.push((std::mem::take(&mut talk.last), reply));
                }
                append(&mut talk.last, &text);
            }
            "tool" | "function" => {
                return Err(ApiError::Unsupported { field: "messages", what: "the answer of a tool" });
            }
            _ => {
                return Err(field(
                    "messages",
                    "a role is none of system, developer, user, assistant, tool, function",
                ));
            }
        }
    }
    if replied.is_some() || talk.last.trim().is_empty() {
        return Err(field("messages", "the last one is a user's, with text"));
    }
    Ok(talk)
}

fn append(whole: &mut String, text: &str) {
    if !whole.is_empty() && !text.is_empty() {
        whole.push_str("\n\n");
    }
    whole.push_str(text);
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: Value) -> Result<Order, ApiError> {
        let request: ChatRequest = serde_json::from_value(value).expect("a request");
        request.check()?;
        request.order("someone".into())
    }

    fn refused(value: Value) -> String {
        asked(value).expect_err("it is refused").to_string()
    }

    #[test]
    fn messages_become_instructions_turns_and_what_is_to_be_answered() {
        let order = asked(json!({"messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "One"},
            {"role": "user", "content": [{"type": "text", "text": "Two"}, {"type": "text", "text": "Three"}]},
            {"role": "assistant", "content": "Yes"},
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Four", "name": "Tom"},
        ]}));
        let talk = order.expect("an order").talk;
        assert_eq!(talk.system.as_deref(), Some("Be kind.\n\nBe brief."));
        assert_eq!(talk.turns, [("One\n\nTwo\nThree".to_owned(), "Yes".to_owned())]);
        assert_eq!(talk.last, "Four");
    }

    #[test]
    fn what_is_not_done_is_refused_by_the_name_of_its_field() {
        let user = json!([{"role": "user", "content": "Hi"}]);
        for (member, value) in [
            ("tools", json!([{"type": "function"}])),
            ("n", json!(2)),
            ("logprobs", json!(true)),
            ("temperature", json!(2.5)),
            ("top_p", json!(-0.1)),
            ("stop", json!(["a", "b", "c", "d", "e"])),
            ("logit_bias", json!({"hello": 1})),
            ("max_tokens", json!(0)),
            ("response_format", json!({"type": "xml"})),
        ] {
            let said = refused(json!({"messages": user, member: value}));
            assert!(said.starts_with(&format!("`{member}`: ")), "{said}");
        }
        for messages in [
            json!([]),
            json!([{"role": "system", "content": "Hi"}]),
            json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}]),
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
            json!([{"role": "tool", "content": "Hi"}]),
            json!([{"role": "wizard", "content": "Hi"}]),
        ] {
            let said = refused(json!({"messages": messages}));
            assert!(said.starts_with("`messages`: "), "{said}");
        }
    }

    #[test]
    fn chance_is_as_asked_and_the_vendors_where_nothing_is() {
        let user = json!([{"role": "user", "content": "Hi"}]);
        let order = asked(json!({"messages": user})).expect("an order");
        assert_eq!((order.sampling.temperature, order.sampling.top_p, order.new), (1.0, 1.0, None));
        let order = asked(json!({"messages": user, "seed": -1, "temperature": 0.5, "top_p": 0, "stop": "x",
            "max_tokens": 5, "max_completion_tokens": 7, "logit_bias": {"3": -100}, "stream": null}));
        let order = order.expect("an order");
        assert_eq!((order.sampling.seed, order.sampling.temperature, order.new), (u64::MAX, 0.0, Some(7)));
        assert_eq!((order.stops, order.sampling.bias), (vec!["x".to_owned()], vec![(3, -100.0)]));
    }
}
