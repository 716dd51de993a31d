//! `POST /contentsafety/text:shieldPrompt`

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{SHIELD, fits, may_judge, operation};
use crate::api::azure::AzureError;
use crate::api::edge::{By, json_of};
use crate::keys::Scope;
use crate::moderator::{Docket, Moderator, Terms};
use crate::shield::{self, Prompted};

/// The longest prompt, and the most of all documents together, in code points.
const MAX_TEXT: usize = 10_000;
/// Documents of one request.
const MAX_DOCUMENTS: usize = 5;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ShieldRequest {
    user_prompt: Option<String>,
    documents: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ShieldAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_prompt_analysis: Option<AttackJson>,
    documents_analysis: Vec<AttackJson>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AttackJson {
    attack_detected: bool,
}

impl ShieldRequest {
    fn check(&self) -> Result<(), AzureError> {
        let documents = self.documents.as_deref().unwrap_or_default();
        if self.user_prompt.is_none() && documents.is_empty() {
            return Err(AzureError::body("give `userPrompt` or `documents`"));
        }
        if documents.len() > MAX_DOCUMENTS {
            return Err(AzureError::body(format!("`documents`: more than {MAX_DOCUMENTS} of them")));
        }
        fits("userPrompt", self.user_prompt.as_deref().unwrap_or_default(), MAX_TEXT)?;
        fits("documents", &documents.concat(), MAX_TEXT)
    }
}

/// Looks for attacks in a prompt and in documents.
pub(super) async fn shield(
    caller: By,
    moderator: web::Data<Moderator>,
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_judge(&caller)?;
    let request: ShieldRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    request.check()?;
    let docket = moderator.docket(&Terms::default())?;
    let user_prompt_analysis = prompt(&moderator, &docket, request.user_prompt).await?;
    let mut documents_analysis = Vec::new();
    for document in request.documents.unwrap_or_default() {
        let attack_detected = shield::document(docket.policy(), document).await?;
        documents_analysis.push(AttackJson { attack_detected });
    }
    Ok(HttpResponse::Ok().json(ShieldAnswer { user_prompt_analysis, documents_analysis }))
}

/// A blank prompt says nothing, and attacks nobody.
async fn prompt(
    moderator: &Moderator,
    docket: &Docket,
    prompt: Option<String>,
) -> Result<Option<AttackJson>, AzureError> {
    let Some(prompt) = prompt else { return Ok(None) };
    if prompt.trim().is_empty() {
        return Ok(Some(AttackJson { attack_detected: false }));
    }
    let place = moderator.try_place()?;
    let Prompted { is_attack, .. } = shield::prompt(moderator, docket, prompt, &place).await?;
    Ok(Some(AttackJson { attack_detected: is_attack }))
}

/// Describes the operation.
pub(super) fn described(page: &mut crate::api::description::Page<'_>) {
    let example = json!({"userPrompt": "What is the capital of Peru?", "documents": ["Lima is in Peru."]});
    operation(page, "post", (SHIELD, "Looks for attacks in a prompt and in documents"))
        .opens(&[Scope::Judge])
        .takes::<ShieldRequest>(&example)
        .gives::<ShieldAnswer>(200, "Whether there is an attack, in each.")
        .judges();
}
