//! Tokens of Microsoft Entra ID in the place of a key: who signed them, for whom, until when, and what their roles open.
//!
//! *Source*: RFC 7519 (JWT), RFC 7517 (JWK), and Microsoft's "Access token claims reference".

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use crate::keys::Scope;

/// The signatures Entra ID uses; none that a public key could be taken for a secret of.
const SIGNED_BY: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];
/// How often the keys are read again.
const REREAD: Duration = Duration::from_mins(10);
/// How long a server of keys may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds by which clocks may differ.
const LEEWAY: u64 = 60;

/// `[entra]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who signs: `https://login.microsoftonline.com/TENANT/v2.0`.
    pub issuer: String,
    /// For whom tokens must be: this service's application, or what clients ask for.
    pub audience: Vec<String>,
    /// The issuer's public keys: a file, or a URL; read again every ten minutes.
    pub jwks: String,
    /// What application roles open. A role that is not here opens nothing.
    #[serde(default)]
    pub roles: BTreeMap<String, Vec<Scope>>,
    /// What every token that holds opens.
    #[serde(default = "judging")]
    pub everyone: Vec<Scope>,
}

fn judging() -> Vec<Scope> {
    vec![Scope::Judge]
}

/// Whose token it is, and what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The application or person, as Entra ID numbers them.
    pub name: String,
    /// What it opens.
    pub scopes: Vec<Scope>,
}

/// Why there are no keys to check tokens with.
#[derive(Debug, thiserror::Error)]
pub enum EntraError {
    /// The file cannot be read.
    #[error("`entra.jwks`: `{file}` cannot be read")]
    File {
        /// Which file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The server does not answer.
    #[error("`entra.jwks`: the server of keys does not answer")]
    Server(#[source] Box<ureq::Error>),
    /// What was read is no set of keys.
    #[error("`entra.jwks`: it is no JSON Web Key Set")]
    Unreadable(#[from] serde_json::Error),
    /// No thread could be started to read the keys again.
    #[error("no thread to read the keys again")]
    Thread(#[source] std::io::Error),
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

/// Checks tokens. Shared by all requests.
#[derive(Debug)]
pub struct Entra {
    config: Config,
    keys: Arc<ArcSwap<JwkSet>>,
}

impl Entra {
    /// Reads the keys, and from then on now and then again; if that fails, the ones before stay.
    ///
    /// # Errors
    ///
    /// There are none to begin with.
    pub fn new(config: &Config) -> Result<Self, EntraError> {
        let keys = Arc::new(ArcSwap::from_pointee(read(&config.jwks)?));
        let (source, kept) = (config.jwks.clone(), Arc::downgrade(&keys));
        let keep = move || {
            loop {
                std::thread::sleep(REREAD);
                let Some(keys) = kept.upgrade() else { return };
                match read(&source) {
                    Ok(read) => keys.store(Arc::new(read)),
                    Err(error) => tracing::warn!(%error, "the keys of tokens stay as they were"),
                }
            }
        };
        std::thread::Builder::new().name("entra".to_owned()).spawn(keep).map_err(EntraError::Thread)?;
        Ok(Self { config: config.clone(), keys })
    }

    /// Whose token it is; nobody's if it is none, is not for us, is over, or nobody we know signed it.
    #[must_use]
    pub fn holder(&self, token: &[u8]) -> Option<Holder> {
        let token = std::str::from_utf8(token).ok()?;
        let header = decode_header(token).ok()?;
        let id = header.kid.as_deref()?;
        if !SIGNED_BY.contains(&header.alg) {
            return None;
        }
        let key = self.key(id)?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&self.config.audience);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let Claims { sub, appid, azp, oid, roles } = decode::<Claims>(token, &key, &validation).ok()?.claims;
        let granted = roles.iter().filter_map(|role| self.config.roles.get(role)).flatten();
        let mut scopes = self.config.everyone.clone();
        scopes.extend(granted.copied().filter(|scope| !self.config.everyone.contains(scope)));
        let name = appid.or(azp).or(oid).or(sub)?;
        Some(Holder { name: format!("entra:{name}"), scopes })
    }

    /// The key of that id. A file is read again for one that is not known: keys are changed there by hand.
    fn key(&self, id: &str) -> Option<DecodingKey> {
        let known = |keys: &JwkSet| keys.find(id).and_then(|key| DecodingKey::from_jwk(key).ok());
        known(&self.keys.load()).or_else(|| {
            if is_url(&self.config.jwks) {
                return None;
            }
            self.keys.store(Arc::new(read(&self.config.jwks).ok()?));
            known(&self.keys.load())
        })
    }
}

fn is_url(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

fn read(source: &str) -> Result<JwkSet, EntraError> {
    if !is_url(source) {
        let file = PathBuf::from(source);
        let text = std::fs::read(&file).map_err(|source| EntraError::File { file, source })?;
        return Ok(serde_json::from_slice(&text)?);
    }
    let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().new_agent();
    let unanswered = |error| EntraError::Server(Box::new(error));
    let mut answer = agent.get(source).call().map_err(unanswered)?;
    Ok(serde_json::from_slice(&answer.body_mut().read_to_vec().map_err(unanswered)?)?)
}
