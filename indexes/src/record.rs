//! A row as bytes: its fields, and its measures (vector and terms), each with a checksum that covers its key.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Filter, Row, Terms};

/// The key of both tables: tenant and id.
pub(crate) type Key<'a> = (&'a str, &'a str);

const CHECKSUM_BYTES: usize = size_of::<u32>();

/// A row's fields as stored, without what the key and the measures hold.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record<'a> {
    #[serde(borrow)]
    pub(crate) bank: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    ruling: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<Cow<'a, str>>,
    pub(crate) created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    pub(crate) confirmed: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, str>>,
}

impl<'a> From<&'a Row> for Record<'a> {
    fn from(row: &'a Row) -> Self {
        let borrowed = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            bank: Cow::Borrowed(&row.bank),
            text: Cow::Borrowed(&row.text),
            label: borrowed(&row.label),
            ruling: borrowed(&row.ruling),
            severity: row.severity,
            language: borrowed(&row.language),
            tags: row.tags.iter().map(|tag| Cow::Borrowed(tag.as_str())).collect(),
            created: row.created,
            expires: row.expires,
            provenance: borrowed(&row.provenance),
            reason: borrowed(&row.reason),
            confirmed: row.confirmed,
            note: borrowed(&row.note),
        }
    }
}

impl Record<'_> {
    /// The row it was made from.
    pub(crate) fn into_row(self, id: &str, measures: Measures) -> Row {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Row {
            id: id.to_owned(),
            bank: self.bank.into_owned(),
            text: self.text.into_owned(),
            vector: measures.vector,
            terms: measures.terms,
            label: owned(self.label),
            ruling: owned(self.ruling),
            severity: self.severity,
            language: owned(self.language),
            tags: self.tags.into_iter().map(Cow::into_owned).collect(),
            created: self.created,
            expires: self.expires,
            provenance: owned(self.provenance),
            reason: owned(self.reason),
            confirmed: self.confirmed,
            note: owned(self.note),
        }
    }

    /// Agrees with [`Filter::admits`].
    pub(crate) fn admitted_by(&self, filter: &Filter) -> bool {
        let any_of = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
        };
        let tagged = |tag: &String| self.tags.iter().any(|own| own == tag);
        filter.bank.as_ref().is_none_or(|bank| *bank == self.bank)
            && any_of(&filter.labels, self.label.as_deref())
            && any_of(&filter.languages, self.language.as_deref())
            && (filter.tags.is_empty() || filter.tags.iter().any(tagged))
            && filter.all_tags.iter().all(tagged)
            && filter.access.as_ref().is_none_or(|held| self.tags.is_empty() || held.iter().any(tagged))
            && filter.created_from.is_none_or(|from| self.created >= from)
            && filter.created_before.is_none_or(|before| self.created < before)
            && (self.confirmed || !filter.confirmed_only)
            && filter.now.zip(self.expires).is_none_or(|(now, expires)| now < expires)
    }

    /// The words of its text as it stands; for rows of a time when none were kept.
    pub(crate) fn own_terms(&self) -> Terms {
        Terms::of(&self.text, self.language.as_deref())
    }

    /// The bytes to store under `key`.
    pub(crate) fn seal(&self, key: Key<'_>) -> std::io::Result<Vec<u8>> {
        Ok(seal(key, &serde_json::to_vec(self)?))
    }
}

impl<'a> Record<'a> {
    /// Reads what was stored under `key`; the error is what is wrong with it.
    pub(crate) fn unseal(key: Key<'_>, stored: &'a [u8]) -> Result<Self, String> {
        let body = unseal(key, stored)?;
        serde_json::from_slice(body).map_err(|error| format!("row `{}` is unreadable: {error}", key.1))
    }
}

/// What rows are compared by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measures {
    pub(crate) vector: Vec<f32>,
    pub(crate) terms: Terms,
}

/// Measures as they are stored; a file of layout 1 has no terms.
pub(crate) type Stored = (Vec<f32>, Option<Terms>);

/// A row's measures as bytes to store under `key`.
pub(crate) fn seal_measures(key: Key<'_>, vector: &[f32], terms: &Terms) -> Vec<u8> {
    seal(key, &measures_bytes(vector, terms))
}

/// Reads the measures stored under `key`; the error is what is wrong with them.
pub(crate) fn unseal_measures(key: Key<'_>, stored: &[u8], dimension: usize) -> Result<Stored, String> {
    let body = unseal(key, stored)?;
    read_measures(body, dimension)
        .ok_or_else(|| format!("the vector of row `{}` has another dimension", key.1))
}

/// The numbers of a vector, how many words there are, and each term with its count; all little-endian.
pub(crate) fn measures_bytes(vector: &[f32], terms: &Terms) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(size_of_val(vector) + size_of::<u32>() + terms.iter().len() * TERM_BYTES);
    bytes.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend(terms.words().to_le_bytes());
    for (term, count) in terms.iter() {
        bytes.extend(term.to_le_bytes());
        bytes.extend(count.to_le_bytes());
    }
    bytes
}

const TERM_BYTES: usize = size_of::<u32>() + size_of::<u16>();

/// What [`measures_bytes`] wrote; `None` if it never wrote that.
pub(crate) fn read_measures(body: &[u8], dimension: usize) -> Option<Stored> {
    let (numbers, rest) = body.split_at_checked(dimension.checked_mul(size_of::<f32>())?)?;
    let vector = numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if rest.is_empty() {
        return Some((vector, None));
    }
    let (words, rest) = rest.split_first_chunk()?;
    let (terms, rest) = rest.as_chunks::<TERM_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let counts = terms
        .iter()
        .map(|[a, b, c, d, e, f]| (u32::from_le_bytes([*a, *b, *c, *d]), u16::from_le_bytes([*e, *f])));
    Some((vector, Some(Terms::from_counts(counts.collect(), u32::from_le_bytes(*words))?)))
}

fn seal(key: Key<'_>, body: &[u8]) -> Vec<u8> {
    [&checksum(key, body).to_le_bytes(), body].concat()
}

fn unseal<'a>(key: Key<'_>, stored: &'a [u8]) -> Result<&'a [u8], String> {
    stored
        .split_first_chunk::<CHECKSUM_BYTES>()
        .filter(|(sum, body)| u32::from_le_bytes(**sum) == checksum(key, body))
        .map(|(_, body)| body)
        .ok_or_else(|| format!("the checksum of row `{}` does not fit", key.1))
}

fn checksum((tenant, id): Key<'_>, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [tenant.as_bytes(), &[0], id.as_bytes(), &[0], body] {
        hasher.update(part);
    }
    hasher.finalize()
}
