//! The same questions to the data folder and to a service.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plugins::Sight;
use policies::Category;
use serde_json::{Value, json};

use crate::clerk::{Clerk, FilterJson, Importing, ReviewJson, Verb, Who, opinion};
use crate::config::Config;
use crate::engine::{self, Access};
use crate::error::ApiError;
use crate::wiring;

/// How long a service may take for one answer.
const PATIENCE: Duration = Duration::from_mins(5);
/// The longest answer read.
const MAX_ANSWER: u64 = 1 << 30;

/// What is asked.
pub(super) enum Ask<'a> {
    /// The banks.
    List,
    /// A bank to be made.
    Create(&'a Value),
    /// What a bank holds.
    Account(&'a str),
    /// Rows of a bank, by state, from a place on, so many.
    Page(&'a str, (Option<&'a str>, Option<&'a str>), usize),
    /// Rows of a bank as an import takes them, from a place on.
    Whole(&'a str, Option<&'a str>),
    /// Rows that resemble a text.
    Search(&'a str, &'a Value),
    /// A decision on a case, and its reason.
    Review((&'a str, &'a str), &'a str, Option<&'a str>),
    /// A row to be removed.
    Remove(&'a str, &'a str),
    /// Lines to be taken.
    Import(&'a str, &'a [u8]),
}

/// Where banks are.
pub(super) enum Door {
    /// The data folder.
    Local(Box<Local>),
    /// A service.
    Remote(Remote),
}

/// The data folder, and who works on it.
pub(super) struct Local {
    clerk: Clerk,
    by: String,
    /// Whose folder it is sees all that is in it.
    sight: Sight,
    floors: BTreeSet<Category>,
    limit: usize,
}

/// A service, and the key to it.
pub(super) struct Remote {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
}

impl Door {
    /// The data folder; none if there is nothing to read.
    pub(super) async fn local(config: &Config, reads: bool, by: String) -> anyhow::Result<Option<Self>> {
        let policies = wiring::read_policies(config)?;
        let floors = policies.iter().flat_map(|policy| policy.floors().into_iter().cloned()).collect();
        let models = wiring::models(config, [])?;
        let access = if reads { Access::Read } else { Access::Write };
        let Some(engine) = engine::open(config, &models.embedder, access)? else { return Ok(None) };
        engine.answers().await?;
        let (clerk, limit) = (Clerk::new(engine.banks), config.limits.max_body_bytes);
        Ok(Some(Self::Local(Box::new(Local { clerk, by, sight: Sight::all(), floors, limit }))))
    }

    /// A service.
    pub(super) fn remote(server: &str, key: Option<String>) -> Self {
        let options =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let base = format!("{}/v1/lamassu/banks", server.trim_end_matches('/'));
        Self::Remote(Remote { agent: options.build().into(), base, key })
    }

    /// The answer as the service gives it; a refusal is an error.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> anyhow::Result<Value> {
        match self {
            Self::Local(local) => Ok(local.ask(ask).await?),
            Self::Remote(remote) => tokio::task::block_in_place(|| remote.ask(&ask)),
        }
    }
}

impl Local {
    async fn ask(&self, ask: Ask<'_>) -> Result<Value, ApiError> {
        let (clerk, who) = (&self.clerk, Who { by: &self.by, sight: &self.sight });
        match ask {
            Ask::List => value(&clerk.list(who).await?),
            Ask::Create(new) => value(&clerk.create(&given(new)?).await?),
            Ask::Account(bank) => value(&clerk.account(bank, who).await?),
            Ask::Page(bank, (state, after), limit) => {
                let (state, after) = (state.map(str::to_owned), after.map(str::to_owned));
                let wanted = FilterJson { state, after, limit: Some(limit), ..FilterJson::default() };
                value(&clerk.page(bank, &wanted, who).await?)
            }
            Ask::Whole(bank, after) => {
                let (after, limit) = (after.map(str::to_owned), Some(super::PAGE));
                let wanted = FilterJson { after, limit, full: true, ..FilterJson::default() };
                value(&clerk.page(bank, &wanted, who).await?)
            }
            Ask::Search(bank, wanted) => value(&clerk.search(bank, &given(wanted)?, who).await?),
            Ask::Review(case, verb, reason) => {
                let verb = Verb::named(verb).ok_or(ApiError::NotFound)?;
                let said = ReviewJson { reason: reason.map(str::to_owned) };
                value(&clerk.review(case, verb, opinion(&self.by, said, &self.floors)).await?)
            }
            Ask::Remove(bank, id) => clerk.remove(bank, id, who).await.map(|()| Value::Null),
            Ask::Import(bank, lines) => {
                let mut importing = Importing::new(clerk, bank, who, self.limit);
                importing.take(lines).await?;
                value(&importing.finish().await?)
            }
        }
    }
}

fn value(answer: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|_| ApiError::Internal)
}

fn given<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, ApiError> {
    serde_json::from_value(value.clone()).map_err(|error| ApiError::Unreadable(error.to_string()))
}

impl Remote {
    fn ask(&self, ask: &Ask<'_>) -> anyhow::Result<Value> {
        let nothing = || Vec::new();
        let (method, path, body) = match ask {
            Ask::List => ("GET", String::new(), nothing()),
            Ask::Create(new) => ("POST", String::new(), new.to_string().into_bytes()),
            Ask::Account(bank) => ("GET", part(bank), nothing()),
            Ask::Page(bank, (state, after), limit) => {
                let also = |name: &str, value: Option<&str>| {
                    value.map(|value| format!("&{name}={}", encoded(value))).unwrap_or_default()
                };
                let rest = [also("state", *state), also("after", *after)].concat();
                ("GET", format!("{}/rows?limit={limit}{rest}", part(bank)), nothing())
            }
            Ask::Whole(bank, after) => {
                let after = after.map(|after| format!("&after={}", encoded(after))).unwrap_or_default();
                ("GET", format!("{}/rows?limit={}&full=true{after}", part(bank), super::PAGE), nothing())
            }
            Ask::Search(bank, wanted) => ("POST", part(bank) + "/search", wanted.to_string().into_bytes()),
            Ask::Review((bank, id), verb, reason) => {
                let said = reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}));
                ("POST", format!("{}/rows{}/{verb}", part(bank), part(id)), said.to_string().into_bytes())
            }
            Ask::Remove(bank, id) => ("DELETE", format!("{}/rows{}", part(bank), part(id)), nothing()),
            Ask::Import(bank, lines) => ("POST", part(bank) + "/import", lines.to_vec()),
        };
        self.send(method, &path, body)
    }

    fn send(&self, method: &str, path: &str, body: Vec<u8>) -> anyhow::Result<Value> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(body).context("`--server` or `--key` cannot be used")?;
        let mut response =
            self.agent.run(request).with_context(|| format!("`{}` does not answer", self.base))?;
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string()?;
        let answer: Value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).context("the service answers with something else than JSON")?
        };
        if response.status().is_success() {
            return Ok(answer);
        }
        let message = answer["error"]["message"].as_str().unwrap_or("without saying why");
        anyhow::bail!("the service refuses ({}): {message}", response.status())
    }
}

fn part(name: &str) -> String {
    format!("/{}", encoded(name))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
