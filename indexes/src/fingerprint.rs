//! Whether two indexes hold the same rows.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::record::{Record, measures_bytes};
use crate::{Filter, Index, IndexError, Row};

/// Rows read at once.
const PAGE: usize = 512;

/// What an index holds: how many rows, and a sum over all of them that does not depend on their order.
///
/// Every field of a row counts, its vector to the last bit. The sum adds up the rows' SHA-256, as four numbers of 64
/// bits each: two sets of rows with the same sum are the same set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Rows.
    pub rows: usize,
    sum: [u64; 4],
}

impl Fingerprint {
    /// That of all rows of a tenant.
    ///
    /// # Errors
    ///
    /// Storage that cannot be read.
    pub async fn of(index: &dyn Index) -> Result<Self, IndexError> {
        let (mut print, mut after) = (Self::default(), None::<String>);
        loop {
            let page = index.scan(after.as_deref(), PAGE, &Filter::default()).await?;
            page.rows.iter().for_each(|row| print.add(row));
            after = page.next;
            if after.is_none() {
                return Ok(print);
            }
        }
    }

    fn add(&mut self, row: &Row) {
        let mut hash = Sha256::new();
        // Strings, numbers and lists of them always have a JSON.
        let record = serde_json::to_vec(&Record::from(row)).unwrap_or_default();
        for part in [row.id.as_bytes(), &record, &measures_bytes(&row.vector, &row.terms)] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        self.rows += 1;
        let digest = hash.finalize();
        for (sum, bytes) in self.sum.iter_mut().zip(digest.as_chunks().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*bytes));
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().try_for_each(|number| f.write_str(&HEXLOWER.encode(&number.to_be_bytes())))
    }
}
