//! A weight matrix as the graph wants it: of one stored tensor or of several, with room added to heads of a size that
//! `GroupQueryAttention` refuses.

use std::ops::Range;

use super::{ImportError, shards::Stored};

/// Rows or columns, as they are or with zeros added to every head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// So many, as they are.
    Whole(usize),
    /// Heads of `size` numbers, each in the room of `room`. Where they are turned by their position, a number and its
    /// partner in the other half of the head stay half a head apart.
    Heads { heads: usize, size: usize, room: usize, is_turned: bool },
}

impl Spread {
    pub(super) fn heads(heads: usize, size: usize, room: usize, is_turned: bool) -> Self {
        if size == room { Self::Whole(heads * size) } else { Self::Heads { heads, size, room, is_turned } }
    }

    /// How many there are, with the room added.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Whole(count) => count,
            Self::Heads { heads, room, .. } => heads * room,
        }
    }

    /// How many are stored.
    pub(super) fn stored(self) -> usize {
        match self {
            Self::Whole(count) => count,
            Self::Heads { heads, size, .. } => heads * size,
        }
    }

    /// Which stored one stands at a place; none where there is a zero.
    fn source(self, at: usize) -> Option<usize> {
        let Self::Heads { size, room, is_turned, .. } = self else { return Some(at) };
        let (head, within) = (at / room, at % room);
        // Each half of a head that is turned lies at the start of a half of the room.
        let (part, parts) = if is_turned { (within / (room / 2), 2) } else { (0, 1) };
        let within = within % (room / parts);
        (within < size / parts).then_some(head * size + part * (size / parts) + within)
    }
}

/// A tensor and where its rows go.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) stored: Stored,
    pub(super) rows: Spread,
}

/// A matrix of outputs by inputs, `[rows, columns]`, as Hugging Face stores them.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    /// One below the other.
    pub(super) parts: Vec<Part>,
    pub(super) columns: Spread,
}

impl Matrix {
    /// How many outputs.
    pub(super) fn height(&self) -> usize {
        self.parts.iter().map(|part| part.rows.len()).sum()
    }

    /// How many inputs.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The stored tensor, where the matrix is exactly that.
    pub(super) fn unmodified(&self) -> Option<&Stored> {
        match &*self.parts {
            [Part { stored, rows: Spread::Whole(_) }] if matches!(self.columns, Spread::Whole(_)) => {
                Some(stored)
            }
            _ => None,
        }
    }

    /// Reads rows.
    ///
    /// - *Shape*: `[rows, width]`, one row behind the other.
    pub(super) fn read(&self, rows: Range<usize>) -> Result<Vec<f32>, ImportError> {
        let mut read = Vec::with_capacity(rows.len() * self.width());
        let mut start = 0;
        for part in &self.parts {
            let end = start + part.rows.len();
            let wanted = rows.start.max(start)..rows.end.min(end);
            if !wanted.is_empty() {
                self.read_part(part, wanted.start - start..wanted.end - start, &mut read)?;
            }
            start = end;
        }
        Ok(read)
    }

    fn read_part(&self, part: &Part, rows: Range<usize>, read: &mut Vec<f32>) -> Result<(), ImportError> {
        if let (Spread::Whole(_), Spread::Whole(_)) = (part.rows, self.columns) {
            read.extend(part.stored.rows(rows)?);
            return Ok(());
        }
        let sources: Vec<Option<usize>> = rows.map(|row| part.rows.source(row)).collect();
        let stored = sources.iter().flatten();
        let first = stored.clone().min().copied().unwrap_or_default();
        let behind = stored.max().map_or(first, |last| last + 1);
        let numbers = part.stored.rows(first..behind)?;
        let width = self.columns.stored();
        for source in sources {
            let row = source.and_then(|source| numbers.get((source - first) * width..)).unwrap_or_default();
            let at = |column| self.columns.source(column).and_then(|source| row.get(source)).copied();
            read.extend((0..self.width()).map(|column| at(column).unwrap_or_default()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_added_behind_a_head_or_behind_each_half_of_it() {
        let of = |is_turned| {
            let spread = Spread::heads(2, 4, 8, is_turned);
            (0..spread.len()).map(|at| spread.source(at)).collect::<Vec<_>>()
        };
        let (some, none) = (Some, None);
        assert_eq!(of(false)[..8], [some(0), some(1), some(2), some(3), none, none, none, none]);
        assert_eq!(of(true)[8..], [some(4), some(5), none, none, some(6), some(7), none, none]);
        assert_eq!(Spread::heads(2, 16, 16, true), Spread::Whole(32));
    }
}
