//! The door: whose key a request shows, whether that key may ask now, and a place that it holds until it is answered.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use crate::decisions::Minutes;
use crate::error::ApiError;
use crate::keys::{Caller, Keys};
use crate::quotas::{Quotas, UnderWay};

/// The headers that vendors' clients show a key in, beside `Authorization: Bearer KEY`.
pub(super) const KEY_HEADERS: [&str; 4] =
    ["api-key", "ocp-apim-subscription-key", "x-api-key", "x-goog-api-key"];

/// Lets requests in. Shared by all of them.
pub(super) struct Door {
    pub(super) keys: Keys,
    quotas: Quotas,
}

/// The places that a request holds. They are kept with it, and then with its answer until that is sent.
#[derive(Default)]
pub(super) struct Places(Vec<UnderWay>);

impl Places {
    /// Has `request` hold one more.
    pub(super) fn hold(request: &ServiceRequest, place: UnderWay) {
        let mut extensions = request.extensions_mut();
        let mut places = extensions.remove::<Self>().unwrap_or_default();
        places.0.push(place);
        extensions.insert(places);
    }
}

impl Door {
    pub(super) fn new(keys: Keys, quotas: Quotas) -> Self {
        Self { keys, quotas }
    }

    /// Whose request it is, by the first key in a header that fits, and notes that for handlers and for the minutes;
    /// nobody's if no key fits.
    pub(super) fn identify(&self, request: &ServiceRequest) -> Option<Caller> {
        let keys = &self.keys;
        let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
        let bearer = header("authorization").and_then(|value| value.strip_prefix(b"Bearer "));
        let mut shown = bearer.into_iter().chain(KEY_HEADERS.iter().filter_map(|name| header(name)));
        let caller = shown.find_map(|key| keys.holder(Some(key)));
        let caller = caller.or_else(|| keys.holder(None)).or_else(|| keys.token(bearer?))?;
        Minutes::is_of(&caller);
        request.extensions_mut().insert(caller.clone());
        Some(caller)
    }

    /// Counts a request of `caller`.
    ///
    /// # Errors
    ///
    /// [`ApiError::TooMany`]
    pub(super) fn begin(&self, caller: &Caller) -> Result<UnderWay, ApiError> {
        Ok(self.quotas.begin(&caller.name, caller.allowance())?)
    }

    /// Lets a request in that shows a key which may ask now. Nothing of its body has been read.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unauthorized`], [`ApiError::TooMany`]
    pub(super) fn admit(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        let caller = self.identify(request).ok_or(ApiError::Unauthorized)?;
        Places::hold(request, self.begin(&caller)?);
        Ok(())
    }
}

/// Lets a request pass that [`Door::admit`] lets in; others are refused in the dress of `E`.
pub(super) async fn require_key<E, B>(
    door: web::Data<Door>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error>
where
    E: From<ApiError> + ResponseError,
    B: MessageBody,
{
    match door.admit(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(refusal) => {
            let refusal = E::from(refusal).error_response();
            Ok(request.into_response(refusal).map_into_right_body())
        }
    }
}
