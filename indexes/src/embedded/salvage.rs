//! What can still be read of a file that is not whole.

use std::collections::BTreeSet;
use std::path::Path;

use redb::ReadableTableMetadata;

use super::Embedded;
use super::file::{About, BankFile, KeyedReader, Source};
use super::lock::Lock;
use super::swap;
use super::tables::Tables;
use super::trouble::{Trouble, guarded};
use crate::IndexError;
use crate::record::{Record, unseal_measures};

/// What was found in a damaged file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Rows of all tenants that were whole and are in the new file.
    pub kept: usize,
    /// Rows that are known to have been there and are not whole.
    pub lost: Vec<Lost>,
    /// How many more rows the file says it had.
    pub unnamed: u64,
}

/// A row that could not be salvaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// Whose it was.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Embedded {
    /// Writes every row of the damaged index in `from` that is whole into a new index in `to`, and says which are not.
    ///
    /// Blocks. The damaged file is not changed: a copy of it is read. What is kept is what was last written there: no
    /// row comes back that had been removed, and none is changed.
    ///
    /// # Errors
    ///
    /// [`IndexError::Held`] for either directory; [`IndexError::Damaged`] when nothing can be read, not even what is
    /// there; [`IndexError::OtherEncoder`]; [`IndexError::Occupied`] when `to` has an index; [`IndexError::Storage`].
    pub fn salvage(
        from: &Path,
        to: &Path,
        dimension: usize,
        encoder_digest: &str,
    ) -> Result<Salvaged, IndexError> {
        let about = About { dimension, encoder_digest: encoder_digest.to_owned() };
        let (source, target) = (Source::writing(from), Source::writing(to));
        let _locks = [Lock::take(from)?, Lock::take(to)?];
        if swap::is_there(target.path()) {
            return Err(IndexError::Occupied { file: target.path().to_owned() });
        }
        let scratch = tempfile::tempdir_in(to).map_err(|error| Trouble::from(error).at("write", to))?;
        let copy = Source::writing(scratch.path());
        swap::open(source.path(), |from| Ok(std::fs::copy(from, copy.path())?))
            .map_err(|trouble| trouble.at("read", source.path()))?;
        let file = BankFile::open_unverified(copy.path(), &about);
        let outcome = file
            .and_then(|file| Ok((file.tables(&copy)?, file)))
            .map_err(|error| named(error, source.path()))
            // The tables can be read for as long as the file is open.
            .and_then(|(tables, _open)| BankFile::salvage(&target, &about, &tables));
        if outcome.is_err() {
            drop(std::fs::remove_file(target.path()));
        }
        outcome
    }
}

/// The error with the file's own name in place of its copy's.
fn named(error: IndexError, path: &Path) -> IndexError {
    match error {
        IndexError::Damaged { reason, .. } => IndexError::Damaged { file: path.to_owned(), reason },
        IndexError::Unclean { .. } => {
            IndexError::Damaged { file: path.to_owned(), reason: "no state of it is whole".to_owned() }
        }
        error => error,
    }
}

impl BankFile {
    fn salvage(target: &Source, about: &About, tables: &Tables) -> Result<Salvaged, IndexError> {
        let fresh = Self::open(target, about)?;
        let (rows, measures) = tables.readers();
        let mut keys = BTreeSet::new();
        for table in [rows, measures] {
            collect_keys(table, &mut keys);
        }
        let mut salvaged = Salvaged::default();
        fresh.write(target, |new_rows, new_measures| {
            for (tenant, id) in &keys {
                let key = (tenant.as_str(), id.as_str());
                let whole = guarded(|| {
                    let gone = || Trouble::Damage("part of it is missing".to_owned());
                    let row = rows.get(key)?.ok_or_else(gone)?;
                    let found = measures.get(key)?.ok_or_else(gone)?;
                    Record::unseal(key, row.value()).map_err(Trouble::Damage)?;
                    unseal_measures(key, found.value(), about.dimension).map_err(Trouble::Damage)?;
                    Ok((row.value().to_vec(), found.value().to_vec()))
                });
                match whole {
                    Ok((row, bytes)) => {
                        new_rows.insert(key, row.as_slice())?;
                        new_measures.insert(key, bytes.as_slice())?;
                        salvaged.kept += 1;
                    }
                    Err(trouble) => salvaged.lost.push(Lost {
                        tenant: tenant.clone(),
                        id: id.clone(),
                        reason: trouble.reason(),
                    }),
                }
            }
            Ok(())
        })?;
        let said = guarded(|| Ok(rows.len()?)).unwrap_or_default();
        salvaged.unnamed = said.saturating_sub(keys.len() as u64);
        Ok(salvaged)
    }
}

/// The keys that can be reached from either end of a table, and from either side of what cannot be read.
fn collect_keys(table: &KeyedReader, keys: &mut BTreeSet<(String, String)>) {
    for backwards in [false, true] {
        // Reading panics or fails where a page is damaged; what was collected until then stays.
        let reached = guarded(|| {
            let mut all = table.range::<crate::record::Key<'_>>(..)?;
            while let Some(entry) = if backwards { all.next_back() } else { all.next() } {
                let (key, _) = entry?;
                let (tenant, id) = key.value();
                keys.insert((tenant.to_owned(), id.to_owned()));
            }
            Ok(())
        });
        if reached.is_ok() {
            return;
        }
    }
}
