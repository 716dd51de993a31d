//! `POST /v1/lamassu/policies/reload`: the policy files are read again.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::edge::{By, NativeError, only};
use crate::keys::Scope;
use crate::moderator::Moderator;
use crate::wiring::Policies;

#[derive(Serialize, JsonSchema)]
struct PoliciesJson {
    policies: Vec<PolicyJson>,
}

#[derive(Serialize, JsonSchema)]
struct PolicyJson {
    name: String,
    digest: String,
}

/// Puts the policies on disk in force, all of them or none.
async fn reload(
    caller: By,
    policies: web::Data<Policies>,
    moderator: web::Data<Moderator>,
) -> Result<HttpResponse, NativeError> {
    caller.may(&[Scope::Admin])?;
    policies.reload(moderator.chambers()).await?;
    let in_force =
        moderator.chambers().digests().into_iter().map(|(name, digest)| PolicyJson { name, digest });
    Ok(HttpResponse::Ok().json(PoliciesJson { policies: in_force.collect() }))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(web::resource("/policies/reload").route(web::post().to(reload)).default_service(only::<
        NativeError,
    >(
        "POST"
    )));
}

/// Describes the operations.
pub(super) fn described(page: &mut super::description::Page<'_>) {
    page.operation(
        "post",
        "/v1/lamassu/policies/reload",
        "Puts the policies on disk in force, all of them or none",
    )
    .opens(&[Scope::Admin])
    .gives::<PoliciesJson>(200, "The policies in force.")
    .refuses(&[422]);
}
