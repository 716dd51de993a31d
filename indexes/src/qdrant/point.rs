//! Rows as points, filters as conditions.

use std::collections::HashMap;

use ::qdrant_client::qdrant as wire;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::record::{Measures, Record, measures_bytes, read_measures};
use crate::terms::{norm, weight};
use crate::{Filter, IndexError, Row};

/// The vector of meaning.
pub(super) const DENSE: &str = "dense";
/// The vector of words.
pub(super) const SPARSE: &str = "words";
/// The row's own id.
pub(super) const ID: &str = "id";
/// The row's fields, exactly, as JSON.
const ROW: &str = "row";
/// The row's terms, exactly.
const TERMS: &str = "terms";
pub(super) const BANK: &str = "bank";
pub(super) const LABEL: &str = "label";
pub(super) const LANGUAGE: &str = "language";
pub(super) const TAGS: &str = "tags";
pub(super) const CONFIRMED: &str = "confirmed";
pub(super) const CREATED: &str = "created";
pub(super) const EXPIRES: &str = "expires";

/// Derived from the row's id: the first 128 bits of its SHA-256, as a UUID.
pub(super) fn point_id(id: &str) -> wire::PointId {
    let hex = HEXLOWER.encode(&Sha256::digest(id.as_bytes()));
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    let uuid = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
    wire::PointId { point_id_options: Some(wire::point_id::PointIdOptions::Uuid(uuid)) }
}

/// Where a page begins.
pub(super) fn cursor(text: &str) -> Result<wire::PointId, IndexError> {
    let is_uuid = text.len() == 36 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    if !is_uuid {
        return Err(IndexError::UnknownPage);
    }
    Ok(wire::PointId { point_id_options: Some(wire::point_id::PointIdOptions::Uuid(text.to_owned())) })
}

pub(super) fn cursor_text(id: wire::PointId) -> Option<String> {
    match id.point_id_options? {
        wire::point_id::PointIdOptions::Uuid(uuid) => Some(uuid),
        wire::point_id::PointIdOptions::Num(_) => None,
    }
}

pub(super) fn point(row: &Row) -> Result<wire::PointStruct, IndexError> {
    let record = serde_json::to_string(&Record::from(row))
        .map_err(|error| IndexError::Refused { doing: "write", reason: error.to_string() })?;
    let mut payload: HashMap<String, wire::Value> = HashMap::new();
    let mut put = |field: &str, value: wire::Value| payload.insert(field.to_owned(), value);
    put(ID, row.id.clone().into());
    put(ROW, record.into());
    put(TERMS, BASE64.encode(&measures_bytes(&[], &row.terms)).into());
    put(BANK, row.bank.clone().into());
    put(CONFIRMED, row.confirmed.into());
    put(CREATED, seconds(row.created).into());
    if let Some(label) = &row.label {
        put(LABEL, label.clone().into());
    }
    if let Some(language) = &row.language {
        put(LANGUAGE, language.clone().into());
    }
    if let Some(expires) = row.expires {
        put(EXPIRES, seconds(expires).into());
    }
    let tags: Vec<wire::Value> = row.tags.iter().map(|tag| tag.clone().into()).collect();
    put(TAGS, wire::Value::from(tags));
    let mut vectors = wire::NamedVectors::default().add_vector(DENSE, row.vector.clone());
    if !row.terms.is_empty() {
        let norm = norm(row.terms.words());
        let (indices, values): (Vec<u32>, Vec<f32>) =
            row.terms.iter().map(|(term, count)| (term, weight(count, norm))).unzip();
        vectors = vectors.add_vector(SPARSE, wire::Vector::new_sparse(indices, values));
    }
    Ok(wire::PointStruct { id: Some(point_id(&row.id)), payload, vectors: Some(vectors.into()) })
}

/// The server counts in 64 signed bits.
fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// The row a point was made of.
pub(super) fn row_of(
    mut payload: HashMap<String, wire::Value>,
    vectors: Option<wire::VectorsOutput>,
) -> Result<Row, IndexError> {
    let unreadable = |field: &'static str| IndexError::Unreadable { field };
    let id = text(&mut payload, ID).ok_or_else(|| unreadable(ID))?;
    let record = text(&mut payload, ROW).ok_or_else(|| unreadable(ROW))?;
    let record: Record<'_> = serde_json::from_str(&record).map_err(|_| unreadable(ROW))?;
    let terms = text(&mut payload, TERMS).and_then(|terms| BASE64.decode(terms.as_bytes()).ok());
    let (_, terms) = terms.and_then(|terms| read_measures(&terms, 0)).ok_or_else(|| unreadable(TERMS))?;
    let vector = match vectors.and_then(|vectors| vectors.get_vector_by_name(DENSE)) {
        Some(wire::vector_output::Vector::Dense(dense)) => dense.data,
        Some(_) | None => return Err(unreadable(DENSE)),
    };
    let measures = Measures { vector, terms: terms.unwrap_or_default() };
    Ok(record.into_row(&id, measures))
}

/// The id of the row a point was made of.
pub(super) fn row_id_of(mut payload: HashMap<String, wire::Value>) -> Result<String, IndexError> {
    text(&mut payload, ID).ok_or(IndexError::Unreadable { field: ID })
}

fn text(payload: &mut HashMap<String, wire::Value>, field: &str) -> Option<String> {
    match payload.remove(field)?.kind? {
        wire::value::Kind::StringValue(text) => Some(text),
        _ => None,
    }
}

/// What a filter asks; `None` when it asks for nothing.
pub(super) fn conditions(filter: &Filter) -> Option<wire::Filter> {
    let mut must: Vec<wire::Condition> = Vec::new();
    must.extend(filter.bank.as_ref().map(|bank| wire::Condition::matches(BANK, bank.clone())));
    for (field, any_of) in [(LABEL, &filter.labels), (LANGUAGE, &filter.languages), (TAGS, &filter.tags)] {
        if !any_of.is_empty() {
            must.push(wire::Condition::matches(field, any_of.clone()));
        }
    }
    must.extend(filter.all_tags.iter().map(|tag| wire::Condition::matches(TAGS, tag.clone())));
    if let Some(held) = &filter.access {
        let mut opens = vec![wire::Condition::is_empty(TAGS)];
        if !held.is_empty() {
            opens.push(wire::Condition::matches(TAGS, held.clone()));
        }
        must.push(wire::Filter::should(opens).into());
    }
    if filter.created_from.is_some() || filter.created_before.is_some() {
        let range = wire::Range {
            gte: filter.created_from.map(float),
            lt: filter.created_before.map(float),
            ..wire::Range::default()
        };
        must.push(wire::Condition::range(CREATED, range));
    }
    if filter.confirmed_only {
        must.push(wire::Condition::matches(CONFIRMED, true));
    }
    if let Some(now) = filter.now {
        let later = wire::Range { gt: Some(float(now)), ..wire::Range::default() };
        must.push(
            wire::Filter::should([
                wire::Condition::is_empty(EXPIRES),
                wire::Condition::range(EXPIRES, later),
            ])
            .into(),
        );
    }
    (!must.is_empty()).then(|| wire::Filter::must(must))
}

#[expect(clippy::cast_precision_loss, reason = "seconds are exact for another 285 million years")]
fn float(seconds: u64) -> f64 {
    seconds as f64
}
