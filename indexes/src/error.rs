use std::path::PathBuf;

/// Why an index could not answer or could not be opened.
///
/// Texts never appear in it; ids, banks and file names do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A vector has another dimension than the index.
    #[error("the vector of {whose} has {found} numbers, this index holds vectors of {expected}")]
    WrongDimension {
        /// The row or query it belongs to.
        whose: String,
        /// Its dimension.
        found: usize,
        /// The index's dimension.
        expected: usize,
    },
    /// A vector holds an infinity or a NaN.
    #[error("{whose} holds a number that is not finite")]
    NotFinite {
        /// The row or query it belongs to.
        whose: String,
    },
    /// A vector's length is not 1.
    #[error("the vector of {whose} has length {length}, not 1")]
    NotUnit {
        /// The row or query it belongs to.
        whose: String,
        /// Its length (L2).
        length: f64,
    },
    /// A name that must say something is empty.
    #[error("`{field}` is empty")]
    Empty {
        /// The field's name.
        field: &'static str,
    },
    /// A field is longer than an index takes.
    #[error("`{field}` of row `{id}` is {length} long, the limit is {limit}")]
    TooLong {
        /// The row, or the beginning of its id where that is the long field.
        id: String,
        /// The field's name.
        field: &'static str,
        /// Its length.
        length: usize,
        /// The longest allowed, in the same unit.
        limit: usize,
    },
    /// A query asks for more rows than one answer holds.
    #[error("{asked} rows asked for, the limit is {limit}")]
    TooMany {
        /// Rows asked for.
        asked: usize,
        /// The most one answer holds.
        limit: usize,
    },
    /// Another process has the directory open.
    #[error("another lamassu process holds {}", directory.display())]
    Held {
        /// The data directory.
        directory: PathBuf,
    },
    /// There is no index to read.
    #[error("there is no index at {}; adding a row makes one", file.display())]
    Missing {
        /// The file looked for.
        file: PathBuf,
    },
    /// There is an index where a new one should be made.
    #[error("there is an index at {} already", file.display())]
    Occupied {
        /// The index's file.
        file: PathBuf,
    },
    /// The index was opened for reading.
    #[error("{} is open for reading only", file.display())]
    ReadOnly {
        /// The index's file.
        file: PathBuf,
    },
    /// The index was not closed and must be opened for writing once before it can be read.
    #[error("{} was not closed properly; open it for writing once to recover it", file.display())]
    Unclean {
        /// The index's file.
        file: PathBuf,
    },
    /// The file is not an index, or has been changed by something else.
    #[error("{} is not a whole index: {reason}", file.display())]
    Damaged {
        /// The index's file.
        file: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by another version.
    #[error("{} has layout {found}, this version reads layout {expected}", file.display())]
    OtherLayout {
        /// The index's file.
        file: PathBuf,
        /// The layout it has.
        found: String,
        /// The layout this version knows.
        expected: &'static str,
    },
    /// The vectors in the file come from another encoder.
    #[error(
        "{} was made with encoder {found} ({found_dimension} numbers), not {wanted} ({wanted_dimension}); \
         its texts have to be embedded again",
        file.display()
    )]
    OtherEncoder {
        /// The index's file.
        file: PathBuf,
        /// Digest of the encoder it was made with.
        found: String,
        /// Digest of the encoder asked for.
        wanted: String,
        /// Dimension of its vectors.
        found_dimension: usize,
        /// Dimension asked for.
        wanted_dimension: usize,
    },
    /// The storage under the index failed: a full disk, a missing permission, a broken device.
    #[error("cannot {doing} {}", file.display())]
    Storage {
        /// What failed: `open`, `read` or `write`.
        doing: &'static str,
        /// The index's file.
        file: PathBuf,
        /// What the storage said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No server answered, however often it was tried.
    #[error("cannot {doing}: none of {nodes} Qdrant nodes answers ({reason})")]
    Unavailable {
        /// What was to be done.
        doing: &'static str,
        /// How many nodes there are.
        nodes: usize,
        /// What the last of them said, or why none was asked.
        reason: String,
    },
    /// A server answered that it will not.
    #[error("Qdrant refused to {doing}: {reason}")]
    Refused {
        /// What was to be done.
        doing: &'static str,
        /// What it said, in short.
        reason: String,
    },
    /// The tenant's rows of another encoder are in use.
    #[error("the rows of `{tenant}` in use are another encoder's; these answer when all are embedded again")]
    NotInUse {
        /// The tenant.
        tenant: String,
    },
    /// Rows could not be embedded again.
    #[error("the rows cannot be embedded again")]
    Unembedded {
        /// What the encoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A server gave a row that is not as this engine writes them.
    #[error("Qdrant gave a row whose `{field}` is unreadable")]
    Unreadable {
        /// The part of it.
        field: &'static str,
    },
    /// A page begins where no page ended.
    #[error("`after` is no place where a page ended")]
    UnknownPage,
    /// The runtime stopped before the answer was there.
    #[error("the index was stopped before it could answer")]
    Stopped,
}
