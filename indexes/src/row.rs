use crate::{IndexError, Terms};

/// The longest id.
pub const MAX_ID_BYTES: usize = 256;
/// The longest text, in characters.
pub const MAX_TEXT_CHARS: usize = 1_000_000;
/// The most tags on one row.
pub const MAX_TAGS: usize = 64;
/// The longest tenant, bank, label, ruling, language or tag.
pub const MAX_NAME_BYTES: usize = 256;
/// How far from 1 a vector's length may be. Half-precision encoders are off by about 0.0005.
const UNIT_TOLERANCE: f64 = 1e-3;

/// One labelled example, clause or document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Names the row within its tenant, across banks: 1 to [`MAX_ID_BYTES`] bytes.
    pub id: String,
    /// The collection it belongs to: 1 to [`MAX_NAME_BYTES`] bytes.
    pub bank: String,
    /// What was embedded: up to [`MAX_TEXT_CHARS`] characters.
    pub text: String,
    /// The text's embedding. *Shape*: `[dimension]`. *Units*: length 1 (L2), within 0.001.
    pub vector: Vec<f32>,
    /// The text's words, for queries by words; none are no obstacle to queries by meaning.
    pub terms: Terms,
    /// The category it is an example of.
    pub label: Option<String>,
    /// What was decided about it.
    pub ruling: Option<String>,
    /// How bad it is, 0 to 7.
    pub severity: Option<u8>,
    /// ISO 639-1.
    pub language: Option<String>,
    /// Free or access tags, up to [`MAX_TAGS`].
    pub tags: Vec<String>,
    /// When it was made. *Units*: Unix seconds.
    pub created: u64,
    /// When it stops answering queries that carry a time. *Units*: Unix seconds.
    pub expires: Option<u64>,
    /// Where it comes from: up to [`MAX_TEXT_CHARS`] characters.
    pub provenance: Option<String>,
    /// Why it was ruled so: up to [`MAX_TEXT_CHARS`] characters.
    pub reason: Option<String>,
    /// Whether a reviewer has confirmed it.
    pub confirmed: bool,
}

impl Row {
    /// Refuses what no index can hold, naming the row and the field.
    pub(crate) fn check(&self, dimension: usize) -> Result<(), IndexError> {
        check_name("id", &self.id, MAX_ID_BYTES)?;
        let within = |field: &'static str, length: usize, limit: usize| {
            if length > limit {
                return Err(IndexError::TooLong { id: self.id.clone(), field, length, limit });
            }
            Ok(())
        };
        if self.bank.is_empty() {
            return Err(IndexError::Empty { field: "bank" });
        }
        within("bank", self.bank.len(), MAX_NAME_BYTES)?;
        for (field, text) in [
            ("text", Some(&self.text)),
            ("provenance", self.provenance.as_ref()),
            ("reason", self.reason.as_ref()),
        ] {
            within(field, text.map_or(0, |text| text.chars().count()), MAX_TEXT_CHARS)?;
        }
        for (field, name) in [("label", &self.label), ("ruling", &self.ruling), ("language", &self.language)]
        {
            within(field, name.as_ref().map_or(0, String::len), MAX_NAME_BYTES)?;
        }
        within("tags", self.tags.len(), MAX_TAGS)?;
        for tag in &self.tags {
            within("tag", tag.len(), MAX_NAME_BYTES)?;
        }
        check_vector(&format!("row `{}`", self.id), &self.vector, dimension)
    }
}

/// Refuses a name that is empty or too long to be a key.
pub(crate) fn check_name(field: &'static str, name: &str, limit: usize) -> Result<(), IndexError> {
    if name.is_empty() {
        return Err(IndexError::Empty { field });
    }
    if name.len() > limit {
        let id = name.chars().take(32).collect();
        return Err(IndexError::TooLong { id, field, length: name.len(), limit });
    }
    Ok(())
}

/// Refuses a vector that is not finite, not of unit length or of another dimension, naming whose it is.
pub(crate) fn check_vector(whose: &str, vector: &[f32], dimension: usize) -> Result<(), IndexError> {
    if vector.len() != dimension {
        return Err(IndexError::WrongDimension {
            whose: whose.to_owned(),
            found: vector.len(),
            expected: dimension,
        });
    }
    if !vector.iter().all(|number| number.is_finite()) {
        return Err(IndexError::NotFinite { whose: whose.to_owned() });
    }
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if (length - 1.0).abs() > UNIT_TOLERANCE {
        return Err(IndexError::NotUnit { whose: whose.to_owned(), length });
    }
    Ok(())
}
