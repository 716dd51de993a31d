//! `/contentsafety/text/blocklists` and `/contentsafety/text/blocklists/{name}`

use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::pages::{PageJson, Paging};
use super::{blocking, may_list, operation};
use crate::api::azure::{AzureError, Links, Version};
use crate::api::edge::{By, json_of, only};
use crate::keys::Scope;
use crate::lists::{Change, Description, List, Lists};
use crate::moderator::Moderator;

/// A merge patch: what is absent stays, what is null goes.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct BlocklistPatch {
    blocklist_name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    description: Description,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct BlocklistJson {
    blocklist_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Description, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Description::Remove, Description::Set))
}

impl From<&List> for BlocklistJson {
    fn from(list: &List) -> Self {
        Self { blocklist_name: list.name().to_owned(), description: list.description().map(str::to_owned) }
    }
}

/// The lists there are.
async fn list(
    caller: By,
    (lists, links): (web::Data<Lists>, web::Data<Links>),
    (request, version): (HttpRequest, Version),
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    let lists = lists.all();
    let all = lists.values().map(|list| BlocklistJson::from(&**list));
    Ok(HttpResponse::Ok().json(Paging::of(&request)?.page(all, (&links, &request), version)))
}

/// Makes or changes a list.
async fn patch(
    caller: By,
    (lists, moderator): (web::Data<Lists>, web::Data<Moderator>),
    name: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    let patch: BlocklistPatch = json_of(body, moderator.limits().max_body_bytes).await?;
    if patch.blocklist_name.is_some_and(|given| given != *name) {
        return Err(AzureError::body("`blocklistName` is another than that of the path"));
    }
    let change = Change { description: patch.description };
    let (list, is_new) = blocking(move || lists.put(&name, change)).await?;
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(BlocklistJson::from(&*list)))
}

/// One list.
async fn get(
    caller: By,
    lists: web::Data<Lists>,
    name: web::Path<String>,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    Ok(HttpResponse::Ok().json(BlocklistJson::from(&*lists.list(&name)?)))
}

/// Removes a list; one that is not there is removed already.
async fn delete(
    caller: By,
    lists: web::Data<Lists>,
    name: web::Path<String>,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    blocking(move || lists.delete(&name)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/text/blocklists")
            .route(web::get().to(list))
            .default_service(only::<AzureError>("GET")),
    )
    .service(
        web::resource("/text/blocklists/{name}")
            .route(web::patch().to(patch))
            .route(web::get().to(get))
            .route(web::delete().to(delete))
            .default_service(only::<AzureError>("GET, PATCH, DELETE")),
    );
}

/// Describes the operations.
pub(super) fn described(page: &mut crate::api::description::Page<'_>) {
    let (path, name) = ("/text/blocklists/{name}", "The list's name.");
    operation(page, "get", ("/text/blocklists", "The lists there are"))
        .opens(&[Scope::Banks])
        .query::<Paging>()
        .gives::<PageJson<BlocklistJson>>(200, "A page of them.");
    let example = json!({"description": "Words that nobody wants here"});
    let change = operation(page, "patch", (path, "Makes or changes a list")).part("name", name, "words");
    change
        .opens(&[Scope::Banks])
        .takes_patch::<BlocklistPatch>(&example)
        .gives::<BlocklistJson>(200, "The list, changed.")
        .gives::<BlocklistJson>(201, "The list, new.");
    operation(page, "get", (path, "One list"))
        .part("name", name, "words")
        .opens(&[Scope::Banks])
        .gives::<BlocklistJson>(200, "The list.");
    operation(page, "delete", (path, "Removes a list"))
        .part("name", name, "words")
        .opens(&[Scope::Banks])
        .silent(204, "It is gone, or was not there.");
}
