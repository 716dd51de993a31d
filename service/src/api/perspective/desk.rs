//! What answers this API's requests, whether they come one by one or in a batch.

use actix_web::web;

use super::answer::Answer;
use super::error::GoogleError;
use super::{analyze, suggest};
use crate::api::door::Door;
use crate::clerk::Clerk;
use crate::config;
use crate::keys::{Caller, Scope};
use crate::moderator::Moderator;
use crate::quotas::{Allowance, Exceeded, Quotas, UnderWay};

/// Shared by all requests.
pub(in crate::api) struct Desk {
    pub(super) options: config::Perspective,
    pub(super) moderator: web::Data<Moderator>,
    pub(super) clerk: web::Data<Clerk>,
    pub(super) door: web::Data<Door>,
    quotas: Quotas,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Analyze,
    Suggest,
}

impl Operation {
    /// The operation at `path`.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/v1alpha1/comments:analyze" => Some(Self::Analyze),
            "/v1alpha1/comments:suggestscore" => Some(Self::Suggest),
            _ => None,
        }
    }
}

impl Desk {
    /// A desk with these options.
    pub(in crate::api) fn new(
        options: config::Perspective,
        moderator: web::Data<Moderator>,
        clerk: web::Data<Clerk>,
        door: web::Data<Door>,
    ) -> Self {
        let quotas = Quotas::new(moderator.metrics().clone());
        Self { options, moderator, clerk, door, quotas }
    }

    /// Counts a request of `caller`, among all of its requests and among those to this API.
    pub(super) fn begin(&self, caller: &Caller) -> Result<[UnderWay; 2], GoogleError> {
        let config::Perspective { per_minute, at_once, .. } = self.options;
        let here = self.quotas.begin(&caller.name, Allowance { per_minute, at_once })?;
        Ok([here, self.door.begin(caller)?])
    }

    /// Answers `body` for `caller`, whose request has been counted.
    pub(super) async fn answer(
        &self,
        operation: Operation,
        caller: &Caller,
        body: &[u8],
    ) -> Result<Answer, GoogleError> {
        match operation {
            Operation::Analyze => {
                caller.may(&[Scope::Judge])?;
                analyze::analyze(self, body).await
            }
            Operation::Suggest => suggest::suggest(self, caller, body).await,
        }
    }

    /// Bytes of a body, at most.
    pub(super) fn max_body(&self) -> usize {
        self.moderator.limits().max_body_bytes
    }
}

impl From<Exceeded> for GoogleError {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::PerMinute { limit, retry_after } => Self::quota("per minute", limit, retry_after),
            Exceeded::AtOnce { limit } => Self::quota("at the same time", limit, exceeded.retry_after()),
        }
    }
}

/// The body, if it is not too much. The vendor says so with a 400.
pub(super) async fn received(body: web::Payload, limit: usize) -> Result<web::Bytes, GoogleError> {
    Ok(crate::api::edge::received(body, limit).await?)
}
