//! The outline of an ONNX file, read without ONNX Runtime: what goes in and out, and where the weights are.
//!
//! *Source*: the field numbers of onnx.proto, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use std::collections::{BTreeMap, BTreeSet};

use crate::protobuf::{Broken, Field, fields};

/// What an ONNX file says about itself.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Name and element type of each input.
    pub(super) inputs: BTreeMap<String, ElementType>,
    /// The same of each output.
    pub(super) outputs: BTreeMap<String, ElementType>,
    /// How often each operator occurs.
    pub(super) operators: BTreeMap<String, usize>,
    /// Bits of the weights in `MatMulNBits`.
    pub(super) bits: BTreeSet<u64>,
    /// Files beside this one that hold weights.
    pub(super) data_files: BTreeSet<String>,
    /// Bytes of the weights of each element type, in this file or beside it.
    pub(super) weights: BTreeMap<ElementType, u64>,
}

/// The element type of a tensor, by its number in ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ElementType(u64);

impl ElementType {
    pub(super) const FLOAT32: Self = Self(1);
    pub(super) const FLOAT16: Self = Self(10);

    /// The name people use, such as `fp16`.
    pub(super) fn name(self) -> &'static str {
        match self.0 {
            1 => "fp32",
            2 => "uint8",
            3 => "int8",
            6 => "int32",
            7 => "int64",
            9 => "bool",
            10 => "fp16",
            11 => "fp64",
            16 => "bf16",
            21 => "uint4",
            22 => "int4",
            _ => "another type",
        }
    }
}

impl Outline {
    /// Reads the bytes of an ONNX file.
    pub(super) fn read(file: &[u8]) -> Result<Self, Broken> {
        let mut outline = Self::default();
        let mut found = false;
        for field in fields(file) {
            if let (7, Field::Bytes(graph)) = field? {
                outline.graph(graph)?;
                found = true;
            }
        }
        if found { Ok(outline) } else { Err(Broken) }
    }

    /// How the weights are kept, such as `int8` or `fp16`.
    pub(super) fn precision(&self) -> String {
        if let Some(bits) = self.bits.first() {
            return format!("int{bits}");
        }
        if self.operators.keys().any(|name| name.starts_with("DynamicQuantize")) {
            return "int8".to_owned();
        }
        let most = self.weights.iter().max_by_key(|(_, bytes)| **bytes);
        most.map_or("unknown", |(kind, _)| kind.name()).to_owned()
    }

    fn graph(&mut self, graph: &[u8]) -> Result<(), Broken> {
        for field in fields(graph) {
            match field? {
                (1, Field::Bytes(node)) => self.node(node)?,
                (5, Field::Bytes(tensor)) => self.tensor(tensor)?,
                (11, Field::Bytes(input)) => self.inputs.extend([value(input)?]),
                (12, Field::Bytes(output)) => self.outputs.extend([value(output)?]),
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &[u8]) -> Result<(), Broken> {
        let mut bits = None;
        for field in fields(node) {
            match field? {
                (4, Field::Bytes(operator)) => *self.operators.entry(text(operator)).or_default() += 1,
                (5, Field::Bytes(attribute)) => bits = bits.or(bits_of(attribute)?),
                _ => {}
            }
        }
        self.bits.extend(bits);
        Ok(())
    }

    fn tensor(&mut self, tensor: &[u8]) -> Result<(), Broken> {
        let (mut kind, mut bytes) = (ElementType(0), 0);
        for field in fields(tensor) {
            match field? {
                (2, Field::Number(number)) => kind = ElementType(number),
                (4..=7 | 9..=11, Field::Bytes(data)) => bytes += data.len() as u64,
                (13, Field::Bytes(entry)) => {
                    let (key, value) = pair(entry)?;
                    match key.as_str() {
                        "location" => {
                            self.data_files.insert(value);
                        }
                        "length" => bytes += value.parse::<u64>().unwrap_or_default(),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        *self.weights.entry(kind).or_default() += bytes;
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `AttributeProto`: its integer, if its name is `bits`.
fn bits_of(attribute: &[u8]) -> Result<Option<u64>, Broken> {
    let (mut is_bits, mut bits) = (false, None);
    for field in fields(attribute) {
        match field? {
            (1, Field::Bytes(name)) => is_bits = name == b"bits",
            (3, Field::Number(number)) => bits = Some(number),
            _ => {}
        }
    }
    Ok(bits.filter(|_| is_bits))
}

/// `StringStringEntryProto`.
fn pair(entry: &[u8]) -> Result<(String, String), Broken> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in fields(entry) {
        match field? {
            (1, Field::Bytes(bytes)) => key = text(bytes),
            (2, Field::Bytes(bytes)) => value = text(bytes),
            _ => {}
        }
    }
    Ok((key, value))
}

/// `ValueInfoProto`: the name and, for a tensor, the element type.
fn value(info: &[u8]) -> Result<(String, ElementType), Broken> {
    let (mut name, mut kind) = (String::new(), ElementType(0));
    for field in fields(info) {
        match field? {
            (1, Field::Bytes(bytes)) => name = text(bytes),
            (2, Field::Bytes(types)) => kind = element_type(types)?.unwrap_or(kind),
            _ => {}
        }
    }
    Ok((name, kind))
}

/// `TypeProto`, of which only tensors count.
fn element_type(types: &[u8]) -> Result<Option<ElementType>, Broken> {
    for field in fields(types) {
        if let (1, Field::Bytes(tensor)) = field? {
            for field in fields(tensor) {
                if let (1, Field::Number(number)) = field? {
                    return Ok(Some(ElementType(number)));
                }
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> Vec<u8> {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        std::fs::read(models.join(name)).expect("a model of the repository")
    }

    #[test]
    fn the_outline_of_an_export_names_what_goes_in_and_out() {
        let outline = Outline::read(&model("golden-llama/gqa/model.onnx")).expect("an ONNX file");
        assert_eq!(outline.inputs.len(), 6);
        assert_eq!(outline.inputs.get("past_key_values.1.value"), Some(&ElementType::FLOAT32));
        assert_eq!(outline.inputs["input_ids"].name(), "int64");
        assert_eq!(outline.outputs.get("logits"), Some(&ElementType::FLOAT32));
        assert_eq!(outline.operators["GroupQueryAttention"], 2);
        assert_eq!(outline.data_files, BTreeSet::from(["model.onnx.data".to_owned()]));
        assert_eq!(outline.precision(), "fp32");
    }

    #[test]
    fn eight_bits_are_seen_in_the_operators() {
        let outline = Outline::read(&model("guard/model.onnx")).expect("an ONNX file");
        assert_eq!(outline.precision(), "int8");
    }

    #[test]
    fn no_part_of_a_file_passes_for_all_of_it_and_nothing_panics() {
        let whole = model("tiny-llama/model.onnx");
        for end in 0..whole.len() {
            let part = Outline::read(&whole[..end]);
            assert!(part.is_err() || end + 200 > whole.len(), "{end} of {} bytes", whole.len());
        }
        assert!(Outline::read(b"PK\x03\x04 not a graph").is_err());
    }
}
