//! What Azure's services have in common on the wire: errors, versions, request ids, links to oneself.
//!
//! Source: the Azure REST API guidelines, and CONTRACTS §0, §1.7, §7.1.

mod error;
mod gate;

pub(super) use super::links::Links;
pub(super) use error::{AzureError, ErrorJson, not_found};
pub(super) use gate::{Version, pass, versioned};
