//! Reading the redb file.

use std::ops::Bound::{Excluded, Included, Unbounded};
use std::path::Path;

use redb::ReadableTable;

use super::file::KeyedReader;
use super::trouble::{Trouble, guarded};
use crate::record::{Key, Measures, Record, Stored, unseal_measures};
use crate::{IndexError, Row};

/// All rows at one moment.
pub(super) struct Tables {
    rows: KeyedReader,
    measures: KeyedReader,
    path: Box<Path>,
}

impl Tables {
    pub(super) fn new(rows: KeyedReader, measures: KeyedReader, path: &Path) -> Self {
        Self { rows, measures, path: path.into() }
    }

    /// The vector and, unless the file is of layout 1, the terms of a row, if there is one.
    pub(super) fn measures(&self, key: Key<'_>, dimension: usize) -> Result<Option<Stored>, IndexError> {
        self.guarded(|| {
            let Some(stored) = self.measures.get(key)? else { return Ok(None) };
            Ok(Some(unseal_measures(key, stored.value(), dimension).map_err(Trouble::Damage)?))
        })
    }

    /// A row, if there is one.
    pub(super) fn row(&self, key: Key<'_>, dimension: usize) -> Result<Option<Row>, IndexError> {
        let Some((vector, terms)) = self.measures(key, dimension)? else { return Ok(None) };
        self.guarded(|| {
            let Some(stored) = self.rows.get(key)? else { return Ok(None) };
            let record = Record::unseal(key, stored.value()).map_err(Trouble::Damage)?;
            let terms = terms.unwrap_or_else(|| record.own_terms());
            Ok(Some(record.into_row(key.1, Measures { vector, terms })))
        })
    }

    /// Visits a tenant's rows by id, behind `after`, until `visit` says that it has enough.
    pub(super) fn visit(
        &self,
        tenant: &str,
        after: Option<&str>,
        mut visit: impl FnMut(&str, Record<'_>) -> Result<bool, IndexError>,
    ) -> Result<(), IndexError> {
        self.guarded(|| {
            let from = after.map_or(Included((tenant, "")), |after| Excluded((tenant, after)));
            for row in self.rows.range::<Key<'_>>((from, Unbounded))? {
                let (key, stored) = row?;
                if key.value().0 != tenant {
                    break;
                }
                let record = Record::unseal(key.value(), stored.value()).map_err(Trouble::Damage)?;
                if !visit(key.value().1, record).map_err(Trouble::Refused)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Visits all of a tenant's rows with their measures, by id, until `visit` fails.
    pub(super) fn visit_all(
        &self,
        tenant: &str,
        dimension: usize,
        mut visit: impl FnMut(&str, Record<'_>, Measures) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        self.guarded(|| {
            let apart = || Trouble::Damage("rows and vectors do not belong together".to_owned());
            let mut all_measures = self.measures.range::<Key<'_>>((tenant, "")..)?;
            for row in self.rows.range::<Key<'_>>((tenant, "")..)? {
                let (key, stored) = row?;
                let key = key.value();
                if key.0 != tenant {
                    break;
                }
                let (measures_key, measures) = all_measures.next().ok_or_else(apart)??;
                if measures_key.value() != key {
                    return Err(apart());
                }
                let read = unseal_measures(key, measures.value(), dimension).map_err(Trouble::Damage)?;
                let record = Record::unseal(key, stored.value()).map_err(Trouble::Damage)?;
                let terms = read.1.unwrap_or_else(|| record.own_terms());
                visit(key.1, record, Measures { vector: read.0, terms }).map_err(Trouble::Refused)?;
            }
            match all_measures.next().transpose()? {
                Some((key, _)) if key.value().0 == tenant => Err(apart()),
                _ => Ok(()),
            }
        })
    }

    /// Visits every tenant's rows as they are stored, by key, each checked: fields, then measures.
    pub(super) fn visit_stored(
        &self,
        dimension: usize,
        mut visit: impl FnMut(Key<'_>, &[u8], &[u8]) -> Result<(), Trouble>,
    ) -> Result<(), IndexError> {
        self.guarded(|| {
            let apart = || Trouble::Damage("rows and vectors do not belong together".to_owned());
            let mut all_measures = self.measures.iter()?;
            for row in self.rows.iter()? {
                let (key, stored) = row?;
                let (measures_key, measures) = all_measures.next().ok_or_else(apart)??;
                let key = key.value();
                if measures_key.value() != key {
                    return Err(apart());
                }
                unseal_measures(key, measures.value(), dimension).map_err(Trouble::Damage)?;
                Record::unseal(key, stored.value()).map_err(Trouble::Damage)?;
                visit(key, stored.value(), measures.value())?;
            }
            if all_measures.next().is_some() { Err(apart()) } else { Ok(()) }
        })
    }

    /// Both tables: fields and measures.
    pub(super) fn readers(&self) -> (&KeyedReader, &KeyedReader) {
        (&self.rows, &self.measures)
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, IndexError> {
        guarded(work).map_err(|trouble| trouble.at("read", &self.path))
    }
}
