//! What each output of an ONNX graph depends on, read without ONNX Runtime.
//!
//! *Source*: the field numbers of onnx.proto, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>; hashes over
//! hashes, Merkle 1988 (<https://doi.org/10.1007/3-540-48184-2_32>).

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::protobuf::{Broken, Field, fields};

/// The parts of a graph that matter to whoever gives it its weights and compares what comes out.
#[derive(Debug, Default)]
pub(crate) struct Anatomy {
    /// SHA-256, in hexadecimal, of all that an output is computed from: the steps that lead to it, their constants, and
    /// the files their weights lie in. What things are called, their order and all that leads to other outputs make no
    /// difference.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The tensors whose numbers lie in a file.
    pub(crate) outside: Vec<Outside>,
}

/// A tensor whose numbers lie in another file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outside {
    /// Its name in the graph.
    pub(crate) name: String,
    /// The file.
    pub(crate) file: String,
    /// The element type's number in ONNX.
    pub(crate) element: u64,
    pub(crate) shape: Vec<usize>,
    /// Bytes of the file.
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

/// SHA-256 of what a value is computed from.
type Root = [u8; 32];

impl Anatomy {
    /// Reads the bytes of an ONNX file. `files` has the digest of each file its weights may lie in.
    ///
    /// # Errors
    ///
    /// What is wrong with the file.
    pub(crate) fn read(file: &[u8], files: &BTreeMap<&str, String>) -> Result<Self, String> {
        let (mut graph, mut opsets) = (None, Vec::new());
        for field in fields(file) {
            match field.map_err(no_onnx)? {
                (7, Field::Bytes(bytes)) => graph = Some(bytes),
                (8, Field::Bytes(opset)) => opsets.push(opset),
                _ => {}
            }
        }
        let graph = graph.ok_or(Broken).map_err(no_onnx)?;
        let mut anatomy = Self::default();
        let mut roots: BTreeMap<&[u8], Root> = BTreeMap::from([(&b""[..], mixed(&[b"nothing"]))]);
        anatomy.leaves(graph, files, &mut roots)?;
        let opsets = mixed(&opsets);
        for field in fields(graph) {
            if let (1, Field::Bytes(node)) = field.map_err(no_onnx)? {
                step(node, &opsets, &mut roots)?;
            }
        }
        for field in fields(graph) {
            if let (12, Field::Bytes(output)) = field.map_err(no_onnx)? {
                let name = name_of(output, 1).map_err(no_onnx)?;
                let root = roots.get(name).ok_or_else(|| format!("nothing leads to `{}`", text(name)))?;
                anatomy.outputs.insert(text(name), HEXLOWER.encode(root));
            }
        }
        Ok(anatomy)
    }

    /// What goes in, and the tensors that are there from the beginning.
    fn leaves<'a>(
        &mut self,
        graph: &'a [u8],
        files: &BTreeMap<&str, String>,
        roots: &mut BTreeMap<&'a [u8], Root>,
    ) -> Result<(), String> {
        for field in fields(graph) {
            match field.map_err(no_onnx)? {
                (5, Field::Bytes(tensor)) => {
                    let name = name_of(tensor, 8).map_err(no_onnx)?;
                    let (root, outside) = constant(tensor, files)?;
                    roots.insert(name, root);
                    self.outside.extend(outside);
                }
                (11, Field::Bytes(input)) => {
                    let name = name_of(input, 1).map_err(no_onnx)?;
                    // Older files list their constants among the inputs.
                    roots.entry(name).or_insert_with(|| mixed(&[b"input", name]));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// `NodeProto`: gives each of its outputs a root.
fn step<'a>(node: &'a [u8], opsets: &Root, roots: &mut BTreeMap<&'a [u8], Root>) -> Result<(), String> {
    let (mut parts, mut outputs): (Vec<Root>, Vec<&[u8]>) = (vec![mixed(&[b"step"]), *opsets], Vec::new());
    for field in fields(node) {
        match field.map_err(no_onnx)? {
            (1, Field::Bytes(input)) => {
                let unknown = || format!("`{}` is used before it is computed", text(input));
                parts.push(*roots.get(input).ok_or_else(unknown)?);
            }
            (2, Field::Bytes(output)) => outputs.push(output),
            (kind @ (4 | 5 | 7 | 8), Field::Bytes(bytes)) => {
                if kind == 5 && has_graph(bytes).map_err(no_onnx)? {
                    return Err("it has a graph within the graph".to_owned());
                }
                parts.push(mixed(&[&kind.to_le_bytes(), bytes]));
            }
            _ => {}
        }
    }
    for (position, output) in outputs.into_iter().enumerate() {
        let position = mixed(&[&(position as u64).to_le_bytes()]);
        let all: Vec<&[u8]> = parts.iter().chain([&position]).map(<[u8; 32]>::as_slice).collect();
        roots.insert(output, mixed(&all));
    }
    Ok(())
}

/// Whether `AttributeProto` holds a graph, which may use values of the one around it.
fn has_graph(attribute: &[u8]) -> Result<bool, Broken> {
    fields(attribute).try_fold(false, |found, field| Ok(found || matches!(field?, (6 | 11, _))))
}

/// `TensorProto`: its root, and where it lies if that is in another file.
fn constant(tensor: &[u8], files: &BTreeMap<&str, String>) -> Result<(Root, Option<Outside>), String> {
    let mut outside = Outside::default();
    let mut parts: Vec<Vec<u8>> = vec![b"constant".to_vec()];
    for field in fields(tensor) {
        match field.map_err(no_onnx)? {
            (1, Field::Number(size)) => {
                outside.shape.push(usize::try_from(size).map_err(|_| format!("{size} is no size"))?);
            }
            (2, Field::Number(element)) => outside.element = element,
            (8, Field::Bytes(name)) => outside.name = text(name),
            (13, Field::Bytes(entry)) => outside.entry(entry)?,
            (kind @ (3..=7 | 9..=11), Field::Bytes(bytes)) => {
                parts.push([&kind.to_le_bytes()[..], bytes].concat());
            }
            (1 | 3..=7 | 9..=11, _) => return Err("it has a tensor of a kind not read here".to_owned()),
            _ => {}
        }
    }
    parts.push(outside.element.to_le_bytes().to_vec());
    let place = [outside.offset, outside.length];
    parts
        .push(outside.shape.iter().chain(&place).flat_map(|number| (*number as u64).to_le_bytes()).collect());
    let outside = (!outside.file.is_empty()).then_some(outside);
    if let Some(Outside { name, file, .. }) = &outside {
        let digest = files
            .get(file.as_str())
            .ok_or_else(|| format!("`{name}` lies in `{file}`, which is not known"))?;
        parts.push(digest.clone().into_bytes());
    }
    Ok((mixed(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()), outside))
}

impl Outside {
    /// `StringStringEntryProto`.
    fn entry(&mut self, entry: &[u8]) -> Result<(), String> {
        let key = name_of(entry, 1).map_err(no_onnx)?;
        let value = text(name_of(entry, 2).map_err(no_onnx)?);
        let number = || value.parse().map_err(|_| format!("`{value}` is no number of bytes"));
        match key {
            b"location" => self.file = value,
            b"offset" => self.offset = number()?,
            b"length" => self.length = number()?,
            _ => {}
        }
        Ok(())
    }
}

/// The bytes of the first field of that number; none are none.
fn name_of(message: &[u8], number: u64) -> Result<&[u8], Broken> {
    for field in fields(message) {
        match field? {
            (found, Field::Bytes(bytes)) if found == number => return Ok(bytes),
            _ => {}
        }
    }
    Ok(&[])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn no_onnx(_: Broken) -> String {
    "it is no ONNX file".to_owned()
}

/// The digest of several parts in order; each says how long it is, so that none can flow into the next.
fn mixed(parts: &[&[u8]]) -> Root {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/encoder/model.onnx")).expect("it ships")
    }

    fn read(graph: &[u8], encoder: &str, reader: &str) -> Result<Anatomy, String> {
        let files = [("model.safetensors", encoder.to_owned()), ("reader.safetensors", reader.to_owned())];
        Anatomy::read(graph, &files.into())
    }

    /// Vector and reading.
    fn roots(graph: &[u8], encoder: &str, reader: &str) -> [String; 2] {
        let anatomy = read(graph, encoder, reader).expect("an ONNX file");
        ["embedding", "reading"].map(|name| anatomy.outputs[name].clone())
    }

    /// The shipped graph with other bytes, as many, wherever those stand.
    fn with(from: &str, to: &str) -> Vec<u8> {
        let mut graph = graph();
        let found = graph.windows(from.len()).enumerate().filter(|(_, bytes)| *bytes == from.as_bytes());
        let found: Vec<usize> = found.map(|(at, _)| at).collect();
        assert!(!found.is_empty() && from.len() == to.len(), "{from}");
        for at in found {
            graph[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        graph
    }

    #[test]
    fn an_output_depends_on_the_files_its_weights_lie_in_and_on_no_others() {
        let [vector, reading] = roots(&graph(), "a", "b");
        assert_eq!(roots(&graph(), "a", "c")[0], vector);
        assert_ne!(roots(&graph(), "a", "c")[1], reading);
        let [other_vector, other_reading] = roots(&graph(), "c", "b");
        assert!(other_vector != vector && other_reading != reading);
    }

    #[test]
    fn what_things_are_called_makes_no_difference() {
        assert_eq!(roots(&with("pool.mean", "pool.MEAN"), "a", "b"), roots(&graph(), "a", "b"));
    }

    #[test]
    fn a_step_counts_for_the_outputs_it_leads_to() {
        let [vector, reading] = roots(&graph(), "a", "b");
        // Only vectors are brought to length 1.
        let [other_vector, same_reading] = roots(&with("ReduceL2", "ReduceL1"), "a", "b");
        assert!(other_vector != vector && same_reading == reading);
        // Both run through attention.
        let [other_vector, other_reading] = roots(&with("Softmax", "Hardmax"), "a", "b");
        assert!(other_vector != vector && other_reading != reading);
    }

    #[test]
    fn tensors_that_lie_in_files_are_where_the_graph_says() {
        let outside = read(&graph(), "a", "b").expect("an ONNX file").outside;
        let words = outside.iter().find(|tensor| tensor.name == "embeddings.word_embeddings.weight");
        let words = words.expect("the words");
        assert_eq!((words.file.as_str(), words.element), ("model.safetensors", 1));
        assert_eq!((words.shape.as_slice(), words.length), (&[30522, 384][..], 30522 * 384 * 4));
        let reader: Vec<&Outside> =
            outside.iter().filter(|tensor| tensor.file == "reader.safetensors").collect();
        let bytes: usize = reader.iter().map(|tensor| tensor.length).sum();
        let end = reader.iter().map(|tensor| tensor.offset + tensor.length).max();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/encoder/reader.safetensors");
        let size = std::fs::metadata(file).expect("it ships").len();
        assert_eq!(end.map(|end| end as u64), Some(size));
        assert!(bytes as u64 > size - 16384, "{bytes} of {size}: all of it but the header");
    }

    #[test]
    fn part_of_a_file_is_refused_and_nothing_panics() {
        let whole = graph();
        for end in (0..whole.len()).step_by(97) {
            let part = read(&whole[..end], "a", "b");
            assert!(part.is_err() || end + 200 > whole.len(), "{end} of {} bytes", whole.len());
        }
        assert!(read(&with("model.safetensors", "other.safetensors"), "a", "b").is_err());
    }
}
