//! `POST /contentsafety/text:detectProtectedMaterial`

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{fits, may_judge};
use crate::api::azure::AzureError;
use crate::api::edge::{By, json_of};
use crate::moderator::Moderator;
use crate::protected::Protected;

/// The shortest text and the longest, in code points.
const CHARS: (usize, usize) = (110, 10_000);

#[derive(Deserialize)]
struct ProtectedRequest {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProtectedAnswer {
    protected_material_analysis: DetectedJson,
}

#[derive(Serialize)]
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
