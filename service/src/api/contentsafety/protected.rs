//! `POST /contentsafety/text:detectProtectedMaterial`

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{PROTECTED, fits, may_judge, operation};
use crate::api::azure::AzureError;
use crate::api::description::Page;
use crate::api::edge::{By, json_of};
use crate::keys::Scope;
use crate::moderator::Moderator;
use crate::protected::Protected;

/// The shortest text and the longest, in code points.
const CHARS: (usize, usize) = (110, 10_000);

#[derive(Deserialize, JsonSchema)]
struct ProtectedRequest {
    text: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProtectedAnswer {
    protected_material_analysis: DetectedJson,
}

#[derive(Serialize, JsonSchema)]
struct DetectedJson {
    detected: bool,
}

/// Looks for copies of what the operator protects.
pub(super) async fn detect(
    caller: By,
    (moderator, protected): (web::Data<Moderator>, Option<web::Data<Protected>>),
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_judge(&caller)?;
    let ProtectedRequest { text } = json_of(body, moderator.limits().max_body_bytes).await?;
    fits("text", &text, CHARS.1)?;
    if text.chars().count() < CHARS.0 {
        return Err(AzureError::body(format!("`text`: fewer than {} characters", CHARS.0)));
    }
    let why = "the configuration names no bank of protected texts ([protected] bank)";
    let protected = protected.ok_or_else(|| AzureError::not_offered("text:detectProtectedMaterial", why))?;
    let _place = moderator.try_place()?;
    let detected = protected.repeated_by(&text).await?;
    let protected_material_analysis = DetectedJson { detected };
    Ok(HttpResponse::Ok().json(ProtectedAnswer { protected_material_analysis }))
}

/// Describes the operation.
pub(super) fn described(page: &mut Page<'_>) {
    let text = "There is nothing in these words that anybody would protect: they say that the sky is blue on a clear day, \
        and that the sea is as deep as it ever was.";
    operation(page, "post", (PROTECTED, "Looks for copies of what the operator protects"))
        .notes("Where the configuration names no bank of protected texts, the answer is 404.")
        .opens(&[Scope::Judge])
        .takes::<ProtectedRequest>(&json!({"text": text}))
        .gives::<ProtectedAnswer>(200, "Whether there is one.")
        .refuses(&[404, 409, 503]);
}
