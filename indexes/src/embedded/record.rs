//! A row and its vector as bytes, each with a checksum that covers its key.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Row;

/// The key of both tables: tenant and id.
pub(super) type Key<'a> = (&'a str, &'a str);

const CHECKSUM_BYTES: usize = size_of::<u32>();

/// A row as stored, without what the key and the vector table hold.
#[derive(Serialize, Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) bank: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    ruling: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) language: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Cow<'a, str>>,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    pub(super) confirmed: bool,
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
        }
    }
}

impl Record<'_> {
    /// The row it was made from.
    pub(super) fn into_row(self, id: &str, vector: Vec<f32>) -> Row {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Row {
            id: id.to_owned(),
            bank: self.bank.into_owned(),
            text: self.text.into_owned(),
            vector,
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
        }
    }

    /// The bytes to store under `key`.
    pub(super) fn seal(&self, key: Key<'_>) -> std::io::Result<Vec<u8>> {
        Ok(seal(key, &serde_json::to_vec(self)?))
    }
}

impl<'a> Record<'a> {
    /// Reads what was stored under `key`; the error is what is wrong with it.
    pub(super) fn unseal(key: Key<'_>, stored: &'a [u8]) -> Result<Self, String> {
        let body = unseal(key, stored)?;
        serde_json::from_slice(body).map_err(|error| format!("row `{}` is unreadable: {error}", key.1))
    }
}

/// A vector's bytes to store under `key`.
pub(super) fn seal_vector(key: Key<'_>, vector: &[f32]) -> Vec<u8> {
    let body: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    seal(key, &body)
}

/// Reads a vector stored under `key` into `vector`; the error is what is wrong with it.
pub(super) fn unseal_vector(key: Key<'_>, stored: &[u8], vector: &mut [f32]) -> Result<(), String> {
    let (numbers, rest) = unseal(key, stored)?.as_chunks();
    if numbers.len() != vector.len() || !rest.is_empty() {
        return Err(format!("the vector of row `{}` has another dimension", key.1));
    }
    for (number, bytes) in vector.iter_mut().zip(numbers) {
        *number = f32::from_le_bytes(*bytes);
    }
    Ok(())
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
