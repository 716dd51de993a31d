//! The items of a blocklist: `:addOrUpdateBlocklistItems`, `:removeBlocklistItems`, `/blocklistItems`.

use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::pages::{PageJson, Paging};
use super::{blocking, may_list, operation};
use crate::api::azure::{AzureError, Links, Version};
use crate::api::edge::{By, json_of, only};
use crate::keys::Scope;
use crate::lists::{Item, Lists, NewItem};
use crate::moderator::Moderator;

/// Items of one request.
const MAX_ITEMS: usize = 100;
/// The version that has no regular expressions.
const WITHOUT_REGEX: &str = "2023-10-01";

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AddRequest {
    blocklist_items: Vec<NewItemJson>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NewItemJson {
    text: String,
    description: Option<String>,
    is_regex: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RemoveRequest {
    blocklist_item_ids: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AddAnswer {
    blocklist_items: Vec<ItemJson>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ItemJson {
    blocklist_item_id: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_regex: Option<bool>,
}

impl From<NewItemJson> for NewItem {
    fn from(NewItemJson { text, description, is_regex }: NewItemJson) -> Self {
        Self { text, description, is_regex: is_regex.unwrap_or_default() }
    }
}

impl ItemJson {
    fn new(item: Item, Version(version): Version) -> Self {
        let Item { id, text, description, is_regex } = item;
        let is_regex = (version != WITHOUT_REGEX).then_some(is_regex);
        Self { blocklist_item_id: id, text, description, is_regex }
    }
}

/// Adds items, or changes those of the same text.
async fn add(
    (caller, version): (By, Version),
    (lists, moderator): (web::Data<Lists>, web::Data<Moderator>),
    name: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    let request: AddRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    counted("blocklistItems", request.blocklist_items.len())?;
    let items = request.blocklist_items.into_iter().map(NewItem::from).collect();
    let added = blocking(move || lists.add(&name, items)).await?;
    let blocklist_items = added.into_iter().map(|item| ItemJson::new(item, version)).collect();
    Ok(HttpResponse::Ok().json(AddAnswer { blocklist_items }))
}

/// Removes items; those that are not there are removed already.
async fn remove(
    caller: By,
    (lists, moderator): (web::Data<Lists>, web::Data<Moderator>),
    name: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    let request: RemoveRequest = json_of(body, moderator.limits().max_body_bytes).await?;
    counted("blocklistItemIds", request.blocklist_item_ids.len())?;
    blocking(move || lists.remove(&name, &request.blocklist_item_ids)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The items of a list.
async fn list(
    (caller, version): (By, Version),
    (lists, links): (web::Data<Lists>, web::Data<Links>),
    name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    let list = lists.list(&name)?;
    let all = list.items().iter().map(|item| ItemJson::new(item.clone(), version));
    Ok(HttpResponse::Ok().json(Paging::of(&request)?.page(all, (&links, &request), version)))
}

/// One item.
async fn get(
    (caller, version): (By, Version),
    lists: web::Data<Lists>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, AzureError> {
    may_list(&caller)?;
    let (name, id) = path.into_inner();
    let item = lists.list(&name)?.item(&id)?.clone();
    Ok(HttpResponse::Ok().json(ItemJson::new(item, version)))
}

fn counted(name: &str, count: usize) -> Result<(), AzureError> {
    if (1..=MAX_ITEMS).contains(&count) {
        return Ok(());
    }
    Err(AzureError::body(format!("`{name}`: {count} of them; 1 to {MAX_ITEMS} are allowed")))
}

/// Registers the routes.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let service = |path: &str, allow: &'static str, route: actix_web::Route| {
        web::resource(format!("/text/blocklists/{{name}}{path}")).route(route).default_service(only::<
            AzureError,
        >(
            allow
        ))
    };
    app.service(service(":addOrUpdateBlocklistItems", "POST", web::post().to(add)))
        .service(service(":removeBlocklistItems", "POST", web::post().to(remove)))
        .service(service("/blocklistItems", "GET", web::get().to(list)))
        .service(service("/blocklistItems/{id}", "GET", web::get().to(get)));
}

/// An operation on a list's items.
fn of_list<'b>(
    page: &'b mut crate::api::description::Page<'_>,
    method: &'static str,
    (path, summary): (&str, &str),
) -> crate::api::description::Operation<'b> {
    let path = format!("/text/blocklists/{{name}}{path}");
    operation(page, method, (&path, summary)).part("name", "The list's name.", "words").opens(&[Scope::Banks])
}

/// Describes the operations.
pub(super) fn described(page: &mut crate::api::description::Page<'_>) {
    let items = json!([{"text": "frobnicate", "description": "not here"}]);
    of_list(page, "post", (":addOrUpdateBlocklistItems", "Adds items, or changes those of the same text"))
        .takes::<AddRequest>(&json!({"blocklistItems": items}))
        .gives::<AddAnswer>(200, "The items as they are now.")
        .leads(
            200,
            "/contentsafety/text/blocklists/{name}/blocklistItems/{id}",
            &[("name", "$request.path.name"), ("id", "$response.body#/blocklistItems/0/blocklistItemId")],
        );
    of_list(
        page,
        "post",
        (":removeBlocklistItems", "Removes items; those that are not there are removed already"),
    )
    .takes::<RemoveRequest>(&json!({"blocklistItemIds": ["0199c1d4-5a3e-7c1e-9d0a-3f6c0b7a9e21"]}))
    .silent(204, "They are gone.");
    of_list(page, "get", ("/blocklistItems", "The items of a list"))
        .query::<Paging>()
        .gives::<PageJson<ItemJson>>(200, "A page of them.");
    of_list(page, "get", ("/blocklistItems/{id}", "One item"))
        .part("id", "The item's id.", "0199c1d4-5a3e-7c1e-9d0a-3f6c0b7a9e21")
        .gives::<ItemJson>(200, "The item.");
}
