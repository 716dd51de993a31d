//! One operation of a description: what it takes, gives and refuses.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::{Book, Dress, Way};
use crate::keys::Scope;

/// What JSON is called on the wire.
const JSON: &str = "application/json";

/// An operation that is being described.
pub(in crate::api) struct Operation<'b> {
    pub(super) book: &'b mut Book,
    pub(super) dress: Dress,
    pub(super) facade: &'static str,
    /// The schema of an error.
    pub(super) error: Value,
    pub(super) path: String,
    pub(super) method: &'static str,
}

impl Operation<'_> {
    /// Notes what it is for, and what every operation of its facade may answer.
    pub(super) fn begun(mut self, summary: &str) -> Self {
        let id = id(self.method, &self.path);
        let security = self.dress.door.security();
        self.set("operationId", id.into());
        self.set("summary", summary.into());
        self.set("tags", json!([self.facade]));
        self.set("security", security);
        self.set("responses", json!({}));
        let always = self.dress.always;
        self.refuses(always)
    }

    /// Says more of it.
    pub(in crate::api) fn notes(mut self, text: &str) -> Self {
        let before = self.entry("description").as_str().map(|text| format!("{text}\n\n"));
        let text = before.unwrap_or_default() + text;
        self.set("description", text.into());
        self
    }

    /// The scopes, one of which a key needs for it.
    pub(in crate::api) fn opens(self, scopes: &[Scope]) -> Self {
        let names = scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join("` or `");
        self.notes(&format!("Needs a key with the scope `{names}`."))
    }

    /// A part of its path.
    pub(in crate::api) fn part(self, name: &str, what: &str, example: &str) -> Self {
        self.parameter(json!({
            "name": name, "in": "path", "required": true, "description": what, "example": example,
            "schema": {"type": "string", "minLength": 1},
        }))
        .refuses(&[404])
    }

    /// A part of its query that need not be there.
    pub(in crate::api) fn asks(self, name: &str, what: &str, schema: Value) -> Self {
        let mut parameter = json!({"name": name, "in": "query", "description": what});
        parameter["schema"] = schema;
        self.parameter(parameter)
    }

    /// Any other parameter.
    pub(in crate::api) fn parameter(mut self, parameter: Value) -> Self {
        if let Value::Array(parameters) = self.entry("parameters") {
            parameters.push(parameter);
        } else {
            self.set("parameters", json!([parameter]));
        }
        self
    }

    /// A query of the members of `T`.
    pub(in crate::api) fn query<T: JsonSchema>(self) -> Self {
        let schema = schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let members = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        members.into_iter().fold(self, |operation, (name, mut schema)| {
            let what = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            operation.asks(&name, what.as_ref().and_then(Value::as_str).unwrap_or_default(), schema)
        })
    }

    /// A body of JSON.
    pub(in crate::api) fn takes<T: JsonSchema>(self, example: &Value) -> Self {
        let schema = self.book.schemas.of::<T>(self.facade, Way::In);
        self.body(JSON, schema, example)
    }

    /// A body of JSON that changes what it names and leaves the rest.
    pub(in crate::api) fn takes_patch<T: JsonSchema>(self, example: &Value) -> Self {
        let mut operation = self.takes::<T>(example);
        let content = &mut operation.entry("requestBody")["content"];
        content["application/merge-patch+json"] = content[JSON].clone();
        operation
    }

    /// A body of JSON that need not be there.
    pub(in crate::api) fn may_take<T: JsonSchema>(self, example: &Value) -> Self {
        let mut operation = self.takes::<T>(example);
        operation.entry("requestBody")["required"] = false.into();
        operation
    }

    /// A body of another kind.
    pub(in crate::api) fn body(mut self, kind: &str, schema: Value, example: &Value) -> Self {
        let mut content = json!({"example": example});
        content["schema"] = schema;
        let mut body = json!({"required": true});
        body["content"] = Map::from_iter([(kind.to_owned(), content)]).into();
        self.set("requestBody", body);
        let reading = self.dress.reading;
        self.refuses(reading)
    }

    /// An answer of JSON.
    pub(in crate::api) fn gives<T: JsonSchema>(self, status: u16, what: &str) -> Self {
        let schema = self.book.schemas.of::<T>(self.facade, Way::Out);
        self.answer(status, what, (JSON, schema))
    }

    /// An answer of JSON that has one of two forms.
    pub(in crate::api) fn gives_either<A: JsonSchema, B: JsonSchema>(self, status: u16, what: &str) -> Self {
        let forms = [
            self.book.schemas.of::<A>(self.facade, Way::Out),
            self.book.schemas.of::<B>(self.facade, Way::Out),
        ];
        self.answer(status, what, (JSON, json!({"anyOf": forms})))
    }

    /// A body of JSON that has one of two forms.
    pub(in crate::api) fn takes_either<A: JsonSchema, B: JsonSchema>(self, example: &Value) -> Self {
        let forms = [
            self.book.schemas.of::<A>(self.facade, Way::In),
            self.book.schemas.of::<B>(self.facade, Way::In),
        ];
        self.body(JSON, json!({"anyOf": forms}), example)
    }

    /// An answer of another kind, or one more of the same status.
    pub(in crate::api) fn answer(mut self, status: u16, what: &str, (kind, schema): (&str, Value)) -> Self {
        let mut response = self.entry("responses")[status.to_string()].take();
        if response.is_null() {
            response = json!({"description": what, "headers": {}, "content": {}});
        }
        response["content"][kind]["schema"] = schema;
        response["headers"]["x-request-id"] = header("RequestId");
        self.entry("responses")[status.to_string()] = response;
        self
    }

    /// An answer of server-sent events, beside the one there is for the same status.
    pub(in crate::api) fn streams(self, what: &str) -> Self {
        let text = json!({"type": "string"});
        let event = json!({
            "type": "object", "description": format!("An event. {what}"), "required": ["data"],
            "properties": {"event": text, "data": text},
        });
        self.answer(200, what, ("text/event-stream", event))
    }

    /// An answer without a body.
    pub(in crate::api) fn silent(mut self, status: u16, what: &str) -> Self {
        let response = json!({"description": what, "headers": {"x-request-id": header("RequestId")}});
        self.entry("responses")[status.to_string()] = response;
        self
    }

    /// Another header of an answer that is described already.
    pub(in crate::api) fn header(mut self, status: u16, name: &str, what: &str) -> Self {
        self.entry("responses")[status.to_string()]["headers"][name] =
            json!({"description": what, "schema": {"type": "string"}});
        self
    }

    /// Which operation may be asked next, of which parts of its path an answer or the request tells. *Source*: `OpenAPI`,
    /// runtime expressions.
    pub(in crate::api) fn leads(mut self, status: u16, to: &str, parts: &[(&str, &str)]) -> Self {
        let parts: Map<String, Value> =
            parts.iter().map(|(name, from)| ((*name).to_owned(), (*from).into())).collect();
        let id = id("get", to);
        self.entry("responses")[status.to_string()]["links"][&id] =
            json!({"operationId": id, "parameters": parts});
        self
    }

    /// Its answers rest on judgments: they say on which, and it may be asked too much of it.
    pub(in crate::api) fn judges(mut self) -> Self {
        if let Value::Object(responses) = self.entry("responses") {
            for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
                response["headers"]["x-lamassu-decision"] = header("Decision");
                response["headers"]["x-lamassu-degraded"] = header("Degraded");
                response["headers"]["x-lamassu-policy"] = header("Policy");
            }
        }
        self.refuses(&[503])
    }

    /// The statuses it may refuse a request with.
    pub(in crate::api) fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let (what, error) = (meaning(*status), self.error.clone());
            self = self.answer(*status, what, (JSON, error));
            if matches!(status, 429 | 503) {
                self.entry("responses")[status.to_string()]["headers"]["Retry-After"] = header("RetryAfter");
            }
        }
        self
    }

    fn set(&mut self, name: &str, value: Value) {
        *self.entry(name) = value;
    }

    /// A part of what is written of it.
    fn entry(&mut self, name: &str) -> &mut Value {
        // Invariant: paths, operations and responses are maps, or not there yet, which becomes one.
        &mut self.book.paths[&self.path][self.method][name]
    }
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

/// What a refusal means, whichever facade says it.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read, or asks for what there is not.",
        401 => "No key is shown, or one that nobody has.",
        403 => "The key does not open this.",
        404 => "What the request names is not there.",
        408 => "The body took longer to arrive than it may.",
        409 => "What the request asks for contradicts what is there.",
        413 => "The body or the text is longer than it may be.",
        422 => "The request cannot be read, or asks for what cannot be done.",
        429 => "The key asks more than it may.",
        503 => "As much is being done as may be at once, or something that is needed does not answer.",
        504 => "The deadline came first.",
        _ => "Something broke that the caller has no part in; the log knows it by the request's id.",
    }
}

/// A name made of method and path.
fn id(method: &str, path: &str) -> String {
    let words = path.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}
