//! Who may do what: keys, their names and their scopes.

use std::sync::Arc;

use plugins::Sight;
use serde::Deserialize;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::config::Config;
use crate::entra::{Entra, EntraError, Holder};
use crate::error::ApiError;
use crate::quotas::Allowance;

/// The name of the one key that `api_key` sets.
pub const DEFAULT: &str = "default";
/// The name of whoever comes while there are no keys: the service listens on loopback only then.
const LOCAL: &str = "local";

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Texts are judged.
    Judge,
    /// Cases are handed in, banks made, read and searched.
    Banks,
    /// Cases are confirmed, rejected and retracted.
    Review,
    /// Policies are reloaded; rows and banks are removed without a trace.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Judge, Self::Banks, Self::Review, Self::Admin];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Judge => "judge",
            Self::Banks => "banks",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }
}

/// `[[key]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Who holds it: reviews and cases are recorded under this name.
    pub name: String,
    /// The key.
    pub key: String,
    /// What it opens: `judge`, `banks`, `review`, `admin`.
    pub scopes: Vec<Scope>,
    /// The access tags it holds: it sees documents with one of them, and those without any. Without this list, a key
    /// with the scope `banks` or `admin` sees all documents, another those without tags.
    pub tags: Option<Vec<String>>,
    /// Requests of it in a minute; as `limits.requests_per_minute` unless given; 0 for as many as there are.
    pub requests_per_minute: Option<u32>,
    /// Requests of it at the same time; as `limits.requests_at_once` unless given; 0 for as many as there are.
    pub requests_at_once: Option<u32>,
}

impl KeyEntry {
    fn sight(&self) -> Sight {
        let keeps = |scope: &Scope| matches!(scope, Scope::Banks | Scope::Admin);
        match &self.tags {
            Some(tags) => Sight::holding(tags.clone()),
            None if self.scopes.iter().any(keeps) => Sight::all(),
            None => Sight::holding(Vec::new()),
        }
    }

    fn allowance(&self, default: Allowance) -> Allowance {
        Allowance {
            per_minute: self.requests_per_minute.unwrap_or(default.per_minute),
            at_once: self.requests_at_once.unwrap_or(default.at_once),
        }
    }
}

/// Whoever a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key's name.
    pub name: Arc<str>,
    scopes: Arc<[Scope]>,
    sight: Arc<Sight>,
    allowance: Allowance,
}

impl Caller {
    /// Lets those pass whose key has one of `scopes`.
    ///
    /// # Errors
    ///
    /// [`ApiError::Forbidden`] names the scopes.
    pub fn may(&self, scopes: &[Scope]) -> Result<&str, ApiError> {
        if scopes.iter().any(|scope| self.scopes.contains(scope)) {
            return Ok(&self.name);
        }
        let needed = scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join("` or `");
        Err(ApiError::Forbidden { key: self.name.to_string(), needed })
    }

    /// The documents it may see.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// How much it may ask.
    #[must_use]
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }
}

/// Who may do and see everything.
fn unlimited(name: &str, allowance: Allowance) -> Caller {
    Caller { name: name.into(), scopes: Scope::ALL.into(), sight: Sight::all().into(), allowance }
}

/// All keys there are.
pub struct Keys {
    known: Vec<(Vec<u8>, Caller)>,
    entra: Option<Entra>,
    /// What those may ask for whom nothing else is said.
    allowance: Allowance,
}

impl Keys {
    /// The keys of a configuration.
    ///
    /// # Errors
    ///
    /// The keys of tokens cannot be read.
    pub fn new(config: &Config) -> Result<Self, EntraError> {
        let allowance = config.limits.allowance();
        let default =
            config.api_key.iter().map(|key| (key.clone().into_bytes(), unlimited(DEFAULT, allowance)));
        let caller = |key: &KeyEntry| Caller {
            name: key.name.as_str().into(),
            scopes: key.scopes.as_slice().into(),
            sight: key.sight().into(),
            allowance: key.allowance(allowance),
        };
        let named = config.key.iter().map(|key| (key.key.clone().into_bytes(), caller(key)));
        let entra = config.entra.as_ref().map(Entra::new).transpose()?;
        Ok(Self { known: default.chain(named).collect(), entra, allowance })
    }

    /// Whose key is `shown`. All keys are compared, whichever fits, and each takes as long whether it fits or not.
    #[must_use]
    pub fn holder(&self, shown: Option<&[u8]>) -> Option<Caller> {
        if self.known.is_empty() && self.entra.is_none() {
            return Some(unlimited(LOCAL, self.allowance));
        }
        let shown = shown?;
        let mut found = u32::MAX;
        for (number, (key, _)) in (0_u32..).zip(&self.known) {
            let fits: Choice = key.as_slice().ct_eq(shown);
            found.conditional_assign(&number, fits);
        }
        self.known.get(usize::try_from(found).ok()?).map(|(_, caller)| caller.clone())
    }

    /// Whose token is shown, if tokens are taken and it holds.
    #[must_use]
    pub fn token(&self, shown: &[u8]) -> Option<Caller> {
        let Holder { name, scopes } = self.entra.as_ref()?.holder(shown)?;
        let keeps = scopes.iter().any(|scope| matches!(scope, Scope::Banks | Scope::Admin));
        let sight = if keeps { Sight::all() } else { Sight::holding(Vec::new()) };
        let allowance = self.allowance;
        Some(Caller { name: name.into(), scopes: scopes.into(), sight: sight.into(), allowance })
    }
}
