//! All banks of one tenant: which there are, and what lies in them.
//!
//! That a bank exists is a row too, so that every engine keeps it as it keeps the others, snapshots included.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use indexes::{Filter, Hit, Index, IndexError, Page, Query, Row, Sought};
use inference::{Embedder, InferenceError};

use crate::documents::Documents;
use crate::precedents::{PrecedentError, PrecedentOptions, Precedents};
use crate::{DOCUMENTS, PRECEDENTS};

/// The bank of the rows that say which banks there are. No bank's name may begin so.
const REGISTER: &str = "@banks";
/// Rows read at once.
const PAGE: usize = 500;
/// The longest name of a bank.
const MAX_NAME: usize = 64;

/// What a bank holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decided cases.
    Precedents,
    /// Texts that are found and cited.
    Documents,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Precedents, Self::Documents];

    /// Its name, in answers and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Precedents => "precedents",
            Self::Documents => "documents",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why a bank is not made, or not found.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// There is no such bank.
    #[error("there is no bank `{name}`; there are: {}", .known.join(", "))]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The name cannot be a bank's.
    #[error("a bank's name has 1 to {MAX_NAME} small letters, digits, `-` and `_`, and begins with a letter")]
    Name,
    /// There is one of that name.
    #[error("there is a bank `{0}` already")]
    Exists(String),
    /// The bank is there and holds something else.
    #[error("the bank `{name}` holds {}, and this is for {}", .kind.name(), .wanted.name())]
    Kind {
        /// The bank.
        name: String,
        /// What it holds.
        kind: Kind,
        /// What it would have to hold.
        wanted: Kind,
    },
    /// The index does not answer.
    #[error("the banks do not answer")]
    Index(#[from] IndexError),
    /// The encoder does not answer.
    #[error("the text could not be embedded")]
    Embedding(#[from] InferenceError),
}

/// The banks of one tenant. Shared by all requests.
pub struct Banks {
    index: Arc<dyn Index>,
    embedder: Embedder,
    options: PrecedentOptions,
    opened: Mutex<BTreeMap<String, Arc<Precedents>>>,
    documents: Mutex<BTreeMap<String, Arc<Documents>>>,
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Banks {
    /// The banks in `index`, whose vectors come from `embedder`.
    #[must_use]
    pub fn new(index: Arc<dyn Index>, embedder: Embedder, options: PrecedentOptions) -> Self {
        Self {
            index,
            embedder,
            options,
            opened: Mutex::default(),
            documents: Mutex::default(),
            writing: Arc::default(),
        }
    }

    /// The cases of a bank, whether or not it exists yet: until then it is empty.
    #[must_use]
    pub fn precedents(&self, bank: &str) -> Arc<Precedents> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let rooms = (Arc::clone(&self.index), self.embedder.clone());
            Arc::new(Precedents::new(bank, rooms, self.options, Arc::clone(&self.writing)))
        };
        Arc::clone(opened.entry(bank.to_owned()).or_insert_with(open))
    }

    /// The documents of a bank, whether or not it exists yet: until then it is empty.
    #[must_use]
    pub fn documents(&self, bank: &str) -> Arc<Documents> {
        let mut opened = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || Arc::new(Documents::new(bank, Arc::clone(&self.index), self.embedder.clone()));
        Arc::clone(opened.entry(bank.to_owned()).or_insert_with(open))
    }

    /// Fits the lines of all banks opened so far.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn refit(&self) -> Result<(), PrecedentError> {
        for cases in self.opened() {
            cases.refit().await?;
        }
        Ok(())
    }

    /// The banks of cases that were opened so far.
    #[must_use]
    pub fn opened(&self) -> Vec<Arc<Precedents>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Every bank and its kind, by name. `precedents` and `documents` are always there.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn list(&self) -> Result<Vec<(String, Kind)>, BankError> {
        let mut banks = vec![(PRECEDENTS.to_owned(), Kind::Precedents)];
        let mut after = None;
        loop {
            let page = self.index.scan(after.as_deref(), PAGE, &Filter::bank(REGISTER)).await?;
            for row in page.rows {
                banks.extend(row.label.as_deref().and_then(Kind::named).map(|kind| (row.text.clone(), kind)));
            }
            after = page.next;
            if after.is_none() {
                // Who made one of that name keeps it.
                if !banks.iter().any(|(name, _)| name == DOCUMENTS) {
                    banks.push((DOCUMENTS.to_owned(), Kind::Documents));
                }
                banks.sort_by(|one, other| one.0.cmp(&other.0));
                return Ok(banks);
            }
        }
    }

    /// The kind of a bank.
    ///
    /// # Errors
    ///
    /// [`BankError::Unknown`]; the index does not answer.
    pub async fn kind(&self, name: &str) -> Result<Kind, BankError> {
        let banks = self.list().await?;
        let found = banks.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
        found.ok_or_else(|| BankError::Unknown {
            name: name.to_owned(),
            known: banks.into_iter().map(|(known, _)| known).collect(),
        })
    }

    /// Makes a bank.
    ///
    /// # Errors
    ///
    /// [`BankError::Name`], [`BankError::Exists`]; the index does not answer.
    pub async fn create(&self, name: &str, kind: Kind) -> Result<(), BankError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let begins = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if !begins || name.len() > MAX_NAME || !name.bytes().all(fits) {
            return Err(BankError::Name);
        }
        let _writing = self.writing.lock().await;
        if self.list().await?.iter().any(|(known, _)| known == name) {
            return Err(BankError::Exists(name.to_owned()));
        }
        let mut vector = vec![0.0; self.embedder.dimension()];
        // Nobody asks for it by meaning; an index wants unit vectors.
        vector.iter_mut().take(1).for_each(|first| *first = 1.0);
        let row = Row {
            id: register_id(name),
            bank: REGISTER.to_owned(),
            text: name.to_owned(),
            label: Some(kind.name().to_owned()),
            vector,
            ..Row::default()
        };
        Ok(self.index.upsert(vec![row]).await?)
    }

    /// Removes a bank with all that is in it, and says how many cases or documents that were. `precedents` and
    /// `documents` are emptied.
    ///
    /// # Errors
    ///
    /// [`BankError::Unknown`]; the index does not answer.
    pub async fn delete(&self, name: &str) -> Result<usize, BankError> {
        let kind = self.kind(name).await?;
        let _writing = self.writing.lock().await;
        let removed = match kind {
            Kind::Precedents => self.index.remove_where(&Filter::bank(name)).await?,
            Kind::Documents => self.documents(name).clear().await?,
        };
        self.index.remove(&[register_id(name)]).await?;
        Ok(removed)
    }

    /// Rows of a bank, most similar to `text` first. `filter` says which may answer.
    ///
    /// # Errors
    ///
    /// The encoder or the index does not answer.
    pub async fn search(&self, text: &str, manner: Manner, question: Query) -> Result<Vec<Hit>, BankError> {
        let sought = sought(&self.embedder, text, manner).await?;
        Ok(self.index.nearest(&Query { sought, ..question }).await?)
    }

    /// A page of rows; see [`Index::scan`].
    ///
    /// # Errors
    ///
    /// An `after` that no page gave; the index does not answer.
    pub async fn scan(&self, after: Option<&str>, limit: usize, filter: &Filter) -> Result<Page, BankError> {
        Ok(self.index.scan(after, limit, filter).await?)
    }

    /// Rows that `filter` admits.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn count(&self, filter: &Filter) -> Result<usize, BankError> {
        Ok(self.index.count(filter).await?)
    }
}

/// What a search compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Meaning.
    Dense,
    /// Words.
    Sparse,
    /// Both, fused by rank.
    #[default]
    Hybrid,
}

/// What an index is asked for a text.
pub(crate) async fn sought(
    embedder: &Embedder,
    text: &str,
    manner: Manner,
) -> Result<Sought, InferenceError> {
    let vector = async { Ok(crate::embed_whole(embedder, &[text]).await?.pop().unwrap_or_default()) };
    Ok(match manner {
        Manner::Dense => Sought::Dense(vector.await?),
        Manner::Sparse => Sought::Sparse(crate::bank::sought_terms(text)),
        Manner::Hybrid => Sought::Hybrid(vector.await?, crate::bank::sought_terms(text)),
    })
}

/// The language that stages would read a text in, ISO 639-1; none of a text that holds nothing to read.
#[must_use]
pub fn language(text: &str) -> Option<&'static str> {
    policies::Content::new(text).ok().map(|content| content.language().code())
}

fn register_id(name: &str) -> String {
    format!("{REGISTER}/{name}")
}
