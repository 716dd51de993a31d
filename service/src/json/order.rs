//! What is asked of a summary, as JSON: the same for the service and the command line.

use std::time::Duration;

use plugins::extract::Unit;
use plugins::{Document, Format, Question, Sight};
use policies::{Length, SortBy, Wanted, Wish};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::clerk::{ModeJson, acting_for, manner, minimum, within};
use crate::error::ApiError;
use crate::summarizer::{From, Order};

/// Passages taken from a bank unless the request says how many, and at most.
const PASSAGES: (usize, usize) = (20, 200);

/// A request: documents, or a bank to find them in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderJson {
    /// The caller's name for it.
    pub id: Option<serde_json::Value>,
    documents: Option<Vec<GivenJson>>,
    bank: Option<BankJson>,
    query: Option<String>,
    mode: Option<String>,
    sentences: Option<usize>,
    length: Option<String>,
    sort_by: Option<String>,
    unit: Option<String>,
    language: Option<String>,
    /// The policy's name.
    pub policy: Option<String>,
    deadline_ms: Option<u64>,
    /// Whether sentences are wanted as soon as they are checked.
    #[serde(default)]
    pub stream: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GivenJson {
    id: Option<String>,
    text: String,
    format: Option<String>,
    title: Option<String>,
    language: Option<String>,
}

/// A bank by its name, or with what is to be found in it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum BankJson {
    Name(String),
    Asked(Box<AskedJson>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AskedJson {
    name: String,
    #[serde(default)]
    mode: ModeJson,
    k: Option<usize>,
    minimum: Option<f32>,
    language: Option<String>,
    tag: Option<String>,
    document: Option<String>,
    tags: Option<Vec<String>>,
}

impl OrderJson {
    /// What places in documents are counted in.
    ///
    /// # Errors
    ///
    /// [`ApiError::Field`] names what it may be.
    pub fn unit(&self) -> Result<Unit, ApiError> {
        match self.unit.as_deref() {
            None | Some("byte") => Ok(Unit::Byte),
            Some("codePoint") => Ok(Unit::CodePoint),
            Some("utf16") => Ok(Unit::Utf16),
            Some("grapheme") => Ok(Unit::Grapheme),
            Some(_) => Err(field("unit", "it is none of byte, codePoint, utf16, grapheme")),
        }
    }

    /// The order, of a caller who sees documents by `sight`.
    ///
    /// # Errors
    ///
    /// [`ApiError::Field`] names the field and what it may be.
    pub fn order(self, sight: &Sight) -> Result<Order, ApiError> {
        let from = match (self.documents, self.bank) {
            (Some(documents), None) => From::Request(given(documents)?),
            (None, Some(bank)) => bank.from(sight)?,
            _ => return Err(field("documents", "give exactly one of `documents` and `bank`")),
        };
        if self.sentences == Some(0) {
            return Err(field("sentences", "a summary has at least one"));
        }
        if self.deadline_ms == Some(0) {
            return Err(field("deadline_ms", "no time at all is no deadline; give at least 1"));
        }
        let wish = Wish {
            mode: mode(self.mode.as_deref())?,
            sentences: self.sentences,
            length: named("length", self.length.as_deref(), Length::named, &Length::ALL.map(Length::name))?,
            sort_by: named("sort_by", self.sort_by.as_deref(), SortBy::named, &["Offset", "Rank"])?,
            language: language(self.language.as_deref())?.unwrap_or_default().into(),
        };
        let deadline = self.deadline_ms.map(Duration::from_millis);
        Ok(Order { policy: self.policy, from, query: self.query, wish, deadline, listener: None })
    }
}

impl BankJson {
    fn from(self, sight: &Sight) -> Result<From, ApiError> {
        let asked = match self {
            Self::Asked(asked) => *asked,
            Self::Name(name) => AskedJson { name, ..AskedJson::default() },
        };
        let question = Question {
            manner: manner(asked.mode),
            k: within("bank.k", asked.k, PASSAGES)?,
            minimum: minimum(asked.minimum)?,
            sight: acting_for(sight, asked.tags.as_ref())?,
            language: asked.language,
            tag: asked.tag,
            document: asked.document,
        };
        Ok(From::Bank(asked.name, question))
    }
}

/// Documents without a name are called by their number, from 1.
fn given(documents: Vec<GivenJson>) -> Result<Vec<Document>, ApiError> {
    let document = |(number, given): (usize, GivenJson)| {
        let GivenJson { id, text, format, title, language } = given;
        let format = named("format", format.as_deref(), Format::named, &Format::ALL.map(Format::name))?;
        let id = id.unwrap_or_else(|| (number + 1).to_string());
        Ok(Document { id, text, format, title, language, ..Document::default() })
    };
    documents.into_iter().enumerate().map(document).collect()
}

fn mode(name: Option<&str>) -> Result<Wanted, ApiError> {
    match name {
        None => Ok(Wanted::Best),
        Some("extractive") => Ok(Wanted::Extractive),
        Some("abstractive") => Ok(Wanted::Abstractive),
        Some(_) => Err(field("mode", "it is none of extractive, abstractive")),
    }
}

/// ISO 639-1, as far as its form goes.
fn language(code: Option<&str>) -> Result<Option<&str>, ApiError> {
    match code {
        Some(code) if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            Err(field("language", "it is two small letters, ISO 639-1"))
        }
        code => Ok(code),
    }
}

fn named<T: Default>(
    name: &'static str,
    given: Option<&str>,
    known: impl Fn(&str) -> Option<T>,
    names: &[&str],
) -> Result<T, ApiError> {
    let Some(given) = given else { return Ok(T::default()) };
    known(given).ok_or_else(|| field(name, &format!("it is none of {}", names.join(", "))))
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}
