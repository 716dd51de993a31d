//! What a collection answers, by looking at every point.

use std::collections::HashMap;

use qdrant_client::qdrant as wire;
use tonic::Status;
use wire::condition::ConditionOneOf;
use wire::r#match::MatchValue;
use wire::{vector, vector_input, vectors};

use super::Stored;

/// A point's score, if it has one.
type Score<'a> = Box<dyn Fn(&wire::PointStruct) -> Option<f32> + 'a>;
type Payload = HashMap<String, wire::Value>;

pub(crate) fn admits(filter: Option<&wire::Filter>, payload: &Payload) -> Result<bool, Status> {
    let Some(filter) = filter else { return Ok(true) };
    let holds = |condition: &wire::Condition| holds(condition, payload);
    let all = |conditions: &[wire::Condition]| -> Result<Vec<bool>, Status> {
        conditions.iter().map(holds).collect()
    };
    let should = all(&filter.should)?;
    Ok(all(&filter.must)?.into_iter().all(|holds| holds)
        && (should.is_empty() || should.into_iter().any(|holds| holds))
        && !all(&filter.must_not)?.into_iter().any(|holds| holds))
}

fn holds(condition: &wire::Condition, payload: &Payload) -> Result<bool, Status> {
    match condition.condition_one_of.as_ref() {
        Some(ConditionOneOf::Filter(filter)) => admits(Some(filter), payload),
        Some(ConditionOneOf::IsEmpty(empty)) => Ok(values(payload, &empty.key).is_empty()),
        Some(ConditionOneOf::Field(field)) => {
            let values = values(payload, &field.key);
            if let Some(range) = &field.range {
                return Ok(values.iter().any(|value| within(value, range)));
            }
            let wanted = field.r#match.as_ref().and_then(|wanted| wanted.match_value.as_ref());
            let wanted =
                wanted.ok_or_else(|| Status::invalid_argument("a field condition the stand-in knows not"))?;
            Ok(values.iter().any(|value| matches(value, wanted)))
        }
        _ => Err(Status::invalid_argument("a condition the stand-in knows not")),
    }
}

/// A field's values: those of a list one by one.
fn values(payload: &Payload, key: &str) -> Vec<wire::value::Kind> {
    match payload.get(key).and_then(|value| value.kind.clone()) {
        None | Some(wire::value::Kind::NullValue(_)) => Vec::new(),
        Some(wire::value::Kind::ListValue(list)) => {
            list.values.into_iter().filter_map(|value| value.kind).collect()
        }
        Some(value) => vec![value],
    }
}

fn within(value: &wire::value::Kind, range: &wire::Range) -> bool {
    let wire::value::Kind::IntegerValue(value) = value else { return false };
    #[expect(clippy::cast_precision_loss, reason = "as the server does")]
    let value = *value as f64;
    range.gt.is_none_or(|gt| value > gt)
        && range.gte.is_none_or(|gte| value >= gte)
        && range.lt.is_none_or(|lt| value < lt)
        && range.lte.is_none_or(|lte| value <= lte)
}

fn matches(value: &wire::value::Kind, wanted: &MatchValue) -> bool {
    match (value, wanted) {
        (wire::value::Kind::StringValue(value), MatchValue::Keyword(wanted)) => value == wanted,
        (wire::value::Kind::StringValue(value), MatchValue::Keywords(wanted)) => {
            wanted.strings.contains(value)
        }
        (wire::value::Kind::BoolValue(value), MatchValue::Boolean(wanted)) => value == wanted,
        _ => false,
    }
}

/// A point's vector of this name.
pub(crate) fn named<'a>(point: &'a wire::PointStruct, name: &str) -> Option<&'a vector::Vector> {
    match point.vectors.as_ref()?.vectors_options.as_ref()? {
        vectors::VectorsOptions::Vectors(named) => named.vectors.get(name)?.vector.as_ref(),
        vectors::VectorsOptions::Vector(_) => None,
    }
}

/// The points nearest to what a query names, best first.
pub(crate) fn nearest<'a>(
    stored: &'a Stored,
    query: &wire::QueryPoints,
) -> Result<Vec<(f32, &'a String, &'a wire::PointStruct)>, Status> {
    let unknown = || Status::invalid_argument("a query the stand-in knows not");
    let Some(wire::query::Variant::Nearest(input)) =
        query.query.as_ref().and_then(|query| query.variant.as_ref())
    else {
        return Err(unknown());
    };
    let using = query.using.as_deref().ok_or_else(unknown)?;
    let score: Score<'_> = match input.variant.as_ref().ok_or_else(unknown)? {
        vector_input::Variant::Dense(wanted) => {
            if wanted.data.len() != stored.dimension {
                return Err(Status::invalid_argument("Wrong input: Vector dimension error"));
            }
            Box::new(move |point| match named(point, using)? {
                vector::Vector::Dense(own) => {
                    Some(own.data.iter().zip(&wanted.data).map(|(a, b)| a * b).sum())
                }
                _ => None,
            })
        }
        vector_input::Variant::Sparse(wanted) => {
            if wanted.indices.is_empty() {
                return Err(Status::invalid_argument("Wrong input: empty sparse vector"));
            }
            let rarity = rarities(stored, using, &wanted.indices);
            Box::new(move |point| match named(point, using)? {
                vector::Vector::Sparse(own) => {
                    let weights: HashMap<u32, f32> =
                        own.indices.iter().copied().zip(own.values.iter().copied()).collect();
                    let parts = wanted.indices.iter().zip(&wanted.values).zip(&rarity);
                    let shared: Vec<f32> = parts
                        .filter_map(|((index, value), rarity)| Some(weights.get(index)? * value * rarity))
                        .collect();
                    (!shared.is_empty()).then(|| shared.into_iter().sum())
                }
                _ => None,
            })
        }
        _ => return Err(unknown()),
    };
    let mut found = Vec::new();
    for (id, point) in &stored.points {
        if let Some(score) =
            score(point).filter(|score| query.score_threshold.is_none_or(|least| *score >= least))
            && admits(query.filter.as_ref(), &point.payload)?
        {
            found.push((score, id, point));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    found.truncate(usize::try_from(query.limit.unwrap_or(10)).unwrap());
    Ok(found)
}

/// The modifier `idf` over all points that have such a vector.
fn rarities(stored: &Stored, using: &str, indices: &[u32]) -> Vec<f32> {
    let sparse: Vec<&wire::SparseVector> = stored
        .points
        .values()
        .filter_map(|point| match named(point, using)? {
            vector::Vector::Sparse(own) => Some(own),
            _ => None,
        })
        .collect();
    let number = |count: usize| f32::from(u16::try_from(count).unwrap());
    indices
        .iter()
        .map(|index| {
            let with = number(sparse.iter().filter(|own| own.indices.contains(index)).count());
            ((number(sparse.len()) - with + 0.5) / (with + 0.5) + 1.0).ln()
        })
        .collect()
}

/// The dense vector alone, as it was asked for.
pub(crate) fn output(point: &wire::PointStruct, wanted: bool) -> Option<wire::VectorsOutput> {
    let vector::Vector::Dense(dense) = named(point, "dense").filter(|_| wanted)? else { return None };
    let vector = wire::VectorOutput {
        vector: Some(wire::vector_output::Vector::Dense(dense.clone())),
        ..wire::VectorOutput::default()
    };
    let vectors = HashMap::from([("dense".to_owned(), vector)]);
    Some(wire::VectorsOutput {
        vectors_options: Some(wire::vectors_output::VectorsOptions::Vectors(wire::NamedVectorsOutput {
            vectors,
        })),
    })
}
