//! Lists in pages: `top`, `skip` and `maxpagesize`, and a link to the next page.

use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::azure::{AzureError, Links, Version};
use crate::api::edge::query_of;

/// Entries on a page unless the request says, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// What is asked of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Paging {
    top: Option<usize>,
    #[serde(default)]
    skip: usize,
    maxpagesize: Option<usize>,
}

/// A page.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageJson<T> {
    value: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
}

impl Paging {
    /// What a request asks for.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, AzureError> {
        let refused = |_| AzureError::body("`top`, `skip` and `maxpagesize` are whole numbers from 0 on");
        let paging: Self = query_of(request).map_err(refused)?;
        if paging.maxpagesize == Some(0) {
            return Err(AzureError::body("`maxpagesize`: a page has at least one entry"));
        }
        Ok(paging)
    }

    /// The page of `all`. The request's path and version, and what is left to ask for, make the link to the next one.
    pub(super) fn page<T>(
        self,
        all: impl ExactSizeIterator<Item = T>,
        (links, request): (&Links, &HttpRequest),
        Version(version): Version,
    ) -> PageJson<T> {
        let Self { top, skip, maxpagesize } = self;
        let size = maxpagesize.unwrap_or(PAGE.0).min(PAGE.1);
        let left = all.len().saturating_sub(skip).min(top.unwrap_or(usize::MAX));
        let value: Vec<T> = all.skip(skip).take(left.min(size)).collect();
        let next_link = (left > size).then(|| {
            let option = |name: &str, number: Option<usize>| {
                number.map_or_else(String::new, |number| format!("&{name}={number}"))
            };
            let top = option("top", top.map(|top| top - size));
            let (maxpagesize, skip) = (option("maxpagesize", maxpagesize), skip + size);
            let path = request.path();
            links.to(request, &format!("{path}?api-version={version}&skip={skip}{top}{maxpagesize}"))
        });
        PageJson { value, next_link }
    }
}
