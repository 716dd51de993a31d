//! `POST /v1/embeddings`: texts as vectors.

use actix_web::{HttpRequest, HttpResponse, web};
use data_encoding::BASE64;
use futures::{StreamExt, TryStreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::edge::{By, json_of, only};

use super::error::OpenAiError;
use super::models::ENCODER;
use super::{answer, operation};
use crate::error::ApiError;
use crate::keys::Scope;
use crate::moderator::Moderator;
use crate::vectors::{Vector, Vectors};

/// Texts of one request embedded at the same time.
const AT_ONCE: usize = 16;

#[derive(Deserialize, JsonSchema)]
struct EmbeddingsRequest {
    input: Option<Input>,
    model: Option<String>,
    encoding_format: Option<Format>,
    dimensions: Option<usize>,
}

/// One text or several. Token ids are of the vendor's vocabulary, which is not here.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Ids(#[expect(dead_code, reason = "they are told apart to be refused")] Vec<serde_json::Value>),
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Float,
    Base64,
}

#[derive(Serialize, JsonSchema)]
struct EmbeddingsJson {
    object: &'static str,
    model: &'static str,
    data: Vec<EmbeddingJson>,
    usage: UsageJson,
}

#[derive(Serialize, JsonSchema)]
struct EmbeddingJson {
    object: &'static str,
    index: usize,
    embedding: ValuesJson,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum ValuesJson {
    Float(Vec<f32>),
    /// Four bytes a number, little-endian.
    Base64(String),
}

#[derive(Serialize, JsonSchema)]
struct UsageJson {
    prompt_tokens: usize,
    total_tokens: usize,
}

/// Embeds texts.
async fn embed(
    caller: By,
    (moderator, vectors): (web::Data<Moderator>, web::Data<Vectors>),
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, OpenAiError> {
    caller.may(&[Scope::Judge])?;
    let asked: EmbeddingsRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    asked.is_for_the_encoder(request.match_info().get("deployment"))?;
    let (format, dimensions) = (asked.encoding_format, asked.dimensions(vectors.dimension())?);
    let texts = asked.texts(moderator.limits().max_texts)?;
    let _place = moderator.try_place()?;
    let embedding = texts.into_iter().map(|text| vectors.of(text, dimensions));
    let found: Vec<Vector> = stream::iter(embedding).buffered(AT_ONCE).try_collect().await?;
    Ok(answer(&EmbeddingsJson::new(found, format.unwrap_or(Format::Float))))
}

impl EmbeddingsRequest {
    /// The name in the path counts, where there is one.
    fn is_for_the_encoder(&self, deployment: Option<&str>) -> Result<(), ApiError> {
        match deployment.or(self.model.as_deref()) {
            Some(ENCODER) => Ok(()),
            Some(other) => Err(ApiError::UnknownModel(other.to_owned())),
            None => Err(field("model", "it is missing")),
        }
    }

    fn dimensions(&self, most: usize) -> Result<usize, ApiError> {
        let dimensions = self.dimensions.unwrap_or(most);
        let fits = (1..=most).contains(&dimensions);
        fits.then_some(dimensions).ok_or_else(|| field("dimensions", &format!("1 to {most}")))
    }

    fn texts(self, limit: usize) -> Result<Vec<String>, ApiError> {
        let texts = match self.input {
            Some(Input::Text(text)) => vec![text],
            Some(Input::Texts(texts)) => texts,
            Some(Input::Ids(_)) => {
                return Err(ApiError::Unsupported {
                    field: "input",
                    what: "anything but text, token ids too,",
                });
            }
            None => Vec::new(),
        };
        if texts.is_empty() {
            return Err(field("input", "there is none"));
        }
        if texts.len() > limit {
            return Err(field("input", &format!("more than {limit} texts (limits.max_texts)")));
        }
        Ok(texts)
    }
}

impl EmbeddingsJson {
    fn new(found: Vec<Vector>, format: Format) -> Self {
        let tokens = found.iter().map(|vector| vector.tokens).sum();
        let data = found.into_iter().enumerate().map(|(index, Vector { values, .. })| EmbeddingJson {
            object: "embedding",
            index,
            embedding: match format {
                Format::Float => ValuesJson::Float(values),
                Format::Base64 => {
                    let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
                    ValuesJson::Base64(BASE64.encode(&bytes))
                }
            },
        });
        Self {
            object: "list",
            model: ENCODER,
            data: data.collect(),
            usage: UsageJson { prompt_tokens: tokens, total_tokens: tokens },
        }
    }
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/embeddings")
            .route(web::post().to(embed))
            .default_service(only::<OpenAiError>("POST")),
    );
}

/// Describes the operation under `prefix`.
pub(super) fn described(page: &mut super::super::description::Page<'_>, prefix: &str) {
    let example = json!({"model": ENCODER, "input": ["The printer works again."], "dimensions": 64});
    operation(page, (prefix, "/embeddings"), ("Gives texts as vectors", ENCODER))
        .opens(&[Scope::Judge])
        .takes::<EmbeddingsRequest>(&example)
        .gives::<EmbeddingsJson>(200, "A vector for each.")
        .refuses(&[503]);
}
