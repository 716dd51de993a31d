//! Reading the redb file.

use std::ops::Bound::{Excluded, Included, Unbounded};
use std::path::Path;

use redb::ReadOnlyTable;

use super::record::{Key, Record, unseal_vector};
use super::trouble::{Trouble, guarded};
use crate::{IndexError, Row};

type KeyedReader = ReadOnlyTable<Key<'static>, &'static [u8]>;

/// All rows at one moment.
pub(super) struct Tables {
    rows: KeyedReader,
    vectors: KeyedReader,
    path: Box<Path>,
}

impl Tables {
    pub(super) fn new(rows: KeyedReader, vectors: KeyedReader, path: &Path) -> Self {
        Self { rows, vectors, path: path.into() }
    }

    /// The vector of a row, if there is one.
    pub(super) fn vector(&self, key: Key<'_>, dimension: usize) -> Result<Option<Vec<f32>>, IndexError> {
        self.guarded(|| {
            let Some(stored) = self.vectors.get(key)? else { return Ok(None) };
            let mut vector = vec![0.0; dimension];
            unseal_vector(key, stored.value(), &mut vector).map_err(Trouble::Damage)?;
            Ok(Some(vector))
        })
    }

    /// A row that was stored with `vector`, if there is one.
    pub(super) fn row(&self, key: Key<'_>, vector: Vec<f32>) -> Result<Option<Row>, IndexError> {
        self.guarded(|| {
            let Some(stored) = self.rows.get(key)? else { return Ok(None) };
            let record = Record::unseal(key, stored.value()).map_err(Trouble::Damage)?;
            Ok(Some(record.into_row(key.1, vector)))
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

    /// Visits all of a tenant's rows with their vectors, by id.
    pub(super) fn visit_all(
        &self,
        tenant: &str,
        dimension: usize,
        mut visit: impl FnMut(&str, &Record<'_>, &[f32]),
    ) -> Result<(), IndexError> {
        self.guarded(|| {
            let apart = || Trouble::Damage("rows and vectors do not belong together".to_owned());
            let mut vector = vec![0.0; dimension];
            let mut vectors = self.vectors.range::<Key<'_>>((tenant, "")..)?;
            for row in self.rows.range::<Key<'_>>((tenant, "")..)? {
                let (key, stored) = row?;
                let key = key.value();
                if key.0 != tenant {
                    break;
                }
                let (vector_key, stored_vector) = vectors.next().ok_or_else(apart)??;
                if vector_key.value() != key {
                    return Err(apart());
                }
                unseal_vector(key, stored_vector.value(), &mut vector).map_err(Trouble::Damage)?;
                visit(key.1, &Record::unseal(key, stored.value()).map_err(Trouble::Damage)?, &vector);
            }
            match vectors.next().transpose()? {
                Some((key, _)) if key.value().0 == tenant => Err(apart()),
                _ => Ok(()),
            }
        })
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, IndexError> {
        guarded(work).map_err(|trouble| trouble.at("read", &self.path))
    }
}
