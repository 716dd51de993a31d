//! Filters as numbers.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::shelf::Entry;
use crate::Filter;

/// Numbers for the banks, labels, languages and tags of a tenant. Only ever added to, so a number stays true for
/// every state that holds it.
#[derive(Debug, Default)]
pub(super) struct Symbols(RwLock<HashMap<Box<str>, u32>>);

/// The number no name has: an entry's missing label or language.
pub(super) const NO_SYMBOL: u32 = u32::MAX;

impl Symbols {
    /// The number of `name`, a new one if it has none yet.
    pub(super) fn number(&self, name: &str) -> u32 {
        if let Some(known) = self.find(name) {
            return known;
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(names.len()).unwrap_or(NO_SYMBOL);
        *names.entry(name.into()).or_insert(next)
    }

    /// The number of `name`, if any row ever had it.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// All names by number.
    pub(super) fn names(&self) -> HashMap<u32, String> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().map(|(name, number)| (*number, name.to_string())).collect()
    }
}

/// A [`Filter`] ready to be asked once per row.
#[derive(Debug)]
pub(super) struct Sieve {
    bank: Option<u32>,
    labels: Option<Vec<u32>>,
    languages: Option<Vec<u32>>,
    tags: Option<Vec<u32>>,
    tag_mask: u64,
    all_tags: Vec<u32>,
    access: Option<Vec<u32>>,
    created_from: Option<u64>,
    created_before: Option<u64>,
    confirmed_only: bool,
    now: Option<u64>,
    /// Nothing is asked for.
    open: bool,
}

/// Bits that the masks of two sets of tags share if the sets do; most disjoint sets share none. It spares a scan the
/// way to the tags of nearly every row that has none of those wanted.
pub(super) fn mask(tags: &[u32]) -> u64 {
    tags.iter().fold(0, |mask, tag| mask | 1 << (tag % u64::BITS))
}

impl Sieve {
    /// `None` when no row can pass, because no row ever had the bank, or one of all the tags, asked for.
    pub(super) fn new(filter: &Filter, symbols: &Symbols) -> Option<Self> {
        let numbers = |names: &[String]| {
            (!names.is_empty()).then(|| names.iter().filter_map(|name| symbols.find(name)).collect())
        };
        let tags: Option<Vec<u32>> = numbers(&filter.tags);
        Some(Self {
            open: *filter == Filter::default(),
            bank: match &filter.bank {
                Some(bank) => Some(symbols.find(bank)?),
                None => None,
            },
            labels: numbers(&filter.labels),
            languages: numbers(&filter.languages),
            tag_mask: tags.as_deref().map_or(u64::MAX, mask),
            tags,
            all_tags: filter.all_tags.iter().map(|tag| symbols.find(tag)).collect::<Option<_>>()?,
            // Tags that no row ever had open none.
            access: filter
                .access
                .as_ref()
                .map(|held| held.iter().filter_map(|tag| symbols.find(tag)).collect()),
            created_from: filter.created_from,
            created_before: filter.created_before,
            confirmed_only: filter.confirmed_only,
            now: filter.now,
        })
    }

    /// Whether a row may answer; agrees with [`Filter::admits`].
    #[inline]
    pub(super) fn passes(&self, entry: &Entry) -> bool {
        self.open || self.examine(entry)
    }

    fn examine(&self, entry: &Entry) -> bool {
        let any_of = |wanted: &Option<Vec<u32>>, number: u32| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&number))
        };
        let tagged = |wanted: &Vec<u32>| {
            entry.tag_mask & self.tag_mask != 0 && entry.tags.iter().any(|tag| wanted.contains(tag))
        };
        let opened =
            |held: &Vec<u32>| entry.tags.is_empty() || entry.tags.iter().any(|tag| held.contains(tag));
        self.bank.is_none_or(|bank| bank == entry.bank)
            && any_of(&self.labels, entry.label)
            && any_of(&self.languages, entry.language)
            && self.tags.as_ref().is_none_or(tagged)
            && self.all_tags.iter().all(|tag| entry.tags.contains(tag))
            && self.access.as_ref().is_none_or(opened)
            && self.created_from.is_none_or(|from| entry.created >= from)
            && self.created_before.is_none_or(|before| entry.created < before)
            && (entry.confirmed || !self.confirmed_only)
            && self.now.zip(entry.expires).is_none_or(|(now, expires)| now < expires)
    }
}
