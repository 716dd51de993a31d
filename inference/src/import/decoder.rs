//! The graph of a LLaMA, as onnxruntime-genai's builder writes it but for how the weights are kept.
//!
//! *Source*: the graphs of onnxruntime-genai 0.18; for the operators,
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>.

use super::onnx::{Attribute, Dimension, Element, External, Graph, MICROSOFT, Node, Place};
use super::pack::Blocks;

/// A matrix product by kept weights.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    /// Outputs and inputs.
    pub(super) size: (usize, usize),
    pub(super) weights: Weights,
}

/// How the weights of a product are kept.
#[derive(Debug, Clone)]
pub(super) enum Weights {
    /// As numbers, `[outputs, inputs]`.
    Float { place: Place, element: Element },
    /// `MatMulNBits`.
    Blocks { weights: Place, scales: Place, blocks: Blocks },
    /// 8 bits with a scale an output, `[inputs, outputs]`; what goes in is rounded to 8 bits too.
    Rounded { weights: Place, scales: Place },
    /// The same weights, but nothing else is rounded.
    Exact { weights: Place, scales: Place },
}

/// One layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) before_attention: Place,
    /// Queries, keys and values, in one product or in three.
    pub(super) attention: Vec<Linear>,
    pub(super) output: Linear,
    pub(super) before_mlp: Place,
    pub(super) gate: Linear,
    pub(super) up: Linear,
    pub(super) down: Linear,
}

/// The measures a graph needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) key_value_heads: usize,
    /// Numbers of one head in the checkpoint.
    pub(super) head_size: usize,
    /// Numbers of one head in the graph.
    pub(super) head_room: usize,
    pub(super) vocabulary: usize,
    pub(super) context: usize,
    pub(super) epsilon: f32,
}

/// All of a model.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    pub(super) sizes: Sizes,
    /// What is computed in, and what keys, values and logits are.
    pub(super) element: Element,
    /// Whether positions go in and turn queries and keys in steps of their own, as `DirectML` wants it.
    pub(super) has_positions: bool,
    pub(super) embedding: (Place, Element),
    pub(super) cosines: Place,
    pub(super) sines: Place,
    pub(super) layers: Vec<Layer>,
    pub(super) last_norm: Place,
    pub(super) head: Linear,
}

impl Decoder {
    /// The ONNX file.
    pub(super) fn to_model(&self) -> Vec<u8> {
        let mut sketch = Sketch { graph: Graph::default(), decoder: self };
        sketch.ends();
        sketch.lengths();
        let mut stream = sketch.embedding();
        for (number, layer) in self.layers.iter().enumerate() {
            stream = sketch.layer(number, layer, stream);
        }
        sketch.logits(&stream);
        sketch.graph.into_model()
    }
}

/// What flows from one half of a layer to the next: the sum so far, and what is still to be added to it.
struct Stream {
    sum: String,
    added: Option<String>,
}

/// What a step does.
#[derive(Clone, Copy)]
struct Operator<'a> {
    domain: &'a str,
    name: &'a str,
    attributes: &'a [Attribute<'a>],
}

/// One of ONNX's own.
fn onnx<'a>(name: &'a str, attributes: &'a [Attribute<'a>]) -> Operator<'a> {
    Operator { domain: "", name, attributes }
}

/// One of ONNX Runtime's own.
fn microsoft<'a>(name: &'a str, attributes: &'a [Attribute<'a>]) -> Operator<'a> {
    Operator { domain: MICROSOFT, name, attributes }
}

struct Sketch<'a> {
    graph: Graph,
    decoder: &'a Decoder,
}

impl Sketch<'_> {
    fn step(&mut self, operator: Operator<'_>, inputs: &[&str], output: &str) {
        let Operator { domain, name: operator, attributes } = operator;
        let node = Node { name: output, domain, operator, inputs, outputs: &[output], attributes };
        self.graph.node(node);
    }

    /// Makes larger weights of those in a file.
    fn widened(&mut self, operator: Operator<'_>, inputs: &[&str], output: &str) {
        let Operator { domain, name: operator, attributes } = operator;
        let node = Node { name: output, domain, operator, inputs, outputs: &[output], attributes };
        self.graph.widening(node);
    }

    /// What goes in and comes out.
    fn ends(&mut self) {
        use Dimension::{Fixed, Named};
        let Decoder { sizes, element, has_positions, layers, .. } = self.decoder;
        let (batch, total) = (Named("batch_size"), Named("total_sequence_length"));
        let ids = [batch, Named("sequence_length")];
        self.graph.input("input_ids", Element::Int64, &ids);
        self.graph.input("attention_mask", Element::Int64, &[batch, total]);
        if *has_positions {
            self.graph.input("position_ids", Element::Int64, &ids);
        }
        let logits = [batch, Named("last"), Fixed(sizes.vocabulary)];
        self.graph.output("logits", *element, &logits);
        for kind in ["key", "value"] {
            for layer in 0..layers.len() {
                let kept = |length| [batch, Fixed(sizes.key_value_heads), length, Fixed(sizes.head_room)];
                let past = kept(Named("past_sequence_length"));
                self.graph.input(&format!("past_key_values.{layer}.{kind}"), *element, &past);
                self.graph.output(&format!("present.{layer}.{kind}"), *element, &kept(total));
            }
        }
    }

    /// From the mask: the place of the last token of each row, and how many tokens there are.
    fn lengths(&mut self) {
        self.graph.integers("one", &[1], &[1]);
        self.graph.integers("one_alone", &[], &[1]);
        let keep = [Attribute::Int("keepdims", 0)];
        let to_int32 = [Attribute::Int("to", Element::Int32 as i64)];
        self.step(onnx("ReduceSum", &keep), &["attention_mask", "one"], "mask/sum");
        self.step(onnx("Sub", &[]), &["mask/sum", "one"], "mask/last");
        self.step(onnx("Cast", &to_int32), &["mask/last"], "mask/last_int32");
        self.step(onnx("Shape", &[]), &["attention_mask"], "mask/shape");
        self.step(onnx("Gather", &[Attribute::Int("axis", 0)]), &["mask/shape", "one_alone"], "mask/total");
        self.step(onnx("Cast", &to_int32), &["mask/total"], "mask/total_int32");
        let Decoder { sizes, element, cosines, sines, .. } = self.decoder;
        for (name, place) in [("cos_cache", cosines), ("sin_cache", sines)] {
            self.graph.external(External {
                name,
                element: *element,
                dimensions: &[sizes.context, sizes.head_room / 2],
                place,
            });
        }
    }

    fn embedding(&mut self) -> Stream {
        let Decoder { sizes, element, embedding: (place, kept), .. } = self.decoder;
        let table = "model.embed_tokens.weight";
        self.graph.external(External {
            name: table,
            element: *kept,
            dimensions: &[sizes.vocabulary, sizes.hidden],
            place,
        });
        self.step(onnx("Gather", &[]), &[table, "input_ids"], "embedding");
        let sum = if kept == element { "embedding" } else { "embedding/cast" };
        if kept != element {
            self.step(onnx("Cast", &[Attribute::Int("to", *element as i64)]), &["embedding"], sum);
        }
        Stream { sum: sum.to_owned(), added: None }
    }

    fn layer(&mut self, number: usize, layer: &Layer, stream: Stream) -> Stream {
        let name = format!("layers.{number}");
        let (input, sum) = self.norm(&format!("{name}/before_attention"), &layer.before_attention, stream);
        let attended = self.attention(number, &layer.attention, &input);
        let output = self.linear(&format!("{name}/output"), &layer.output, &attended);
        let stream = Stream { sum, added: Some(output) };
        let (input, sum) = self.norm(&format!("{name}/before_mlp"), &layer.before_mlp, stream);
        let gate = self.linear(&format!("{name}/gate"), &layer.gate, &input);
        let up = self.linear(&format!("{name}/up"), &layer.up, &input);
        let [sigmoid, silu, inner] = ["sigmoid", "silu", "inner"].map(|part| format!("{name}/{part}"));
        self.step(onnx("Sigmoid", &[]), &[&gate], &sigmoid);
        self.step(onnx("Mul", &[]), &[&gate, &sigmoid], &silu);
        self.step(onnx("Mul", &[]), &[&silu, &up], &inner);
        let down = self.linear(&format!("{name}/down"), &layer.down, &inner);
        Stream { sum, added: Some(down) }
    }

    /// Adds what is to be added and brings the sum to a length of one; gives that and the sum.
    fn norm(&mut self, name: &str, weight: &Place, stream: Stream) -> (String, String) {
        let Decoder { sizes, element, .. } = self.decoder;
        let weights = format!("{name}/weight");
        self.graph.external(External {
            name: &weights,
            element: *element,
            dimensions: &[sizes.hidden],
            place: weight,
        });
        let epsilon = Attribute::Float("epsilon", sizes.epsilon);
        let Some(added) = stream.added else {
            let attributes = [epsilon, Attribute::Int("axis", -1), Attribute::Int("stash_type", 1)];
            let inputs = [stream.sum.as_str(), &weights];
            self.step(onnx("SimplifiedLayerNormalization", &attributes), &inputs, name);
            return (name.to_owned(), stream.sum);
        };
        let sum = format!("{name}/sum");
        self.graph.node(Node {
            name,
            domain: MICROSOFT,
            operator: "SkipSimplifiedLayerNormalization",
            inputs: &[&stream.sum, &added, &weights],
            outputs: &[name, "", "", &sum],
            attributes: &[epsilon],
        });
        (name.to_owned(), sum)
    }

    fn attention(&mut self, number: usize, linears: &[Linear], input: &str) -> String {
        let Decoder { sizes, has_positions, .. } = self.decoder;
        let name = format!("layers.{number}/attention");
        let mut queries = ["queries", "keys", "values"].map(|part| format!("{name}/{part}"));
        for (part, linear) in queries.iter().zip(linears) {
            self.linear(part, linear, input);
        }
        if *has_positions {
            for part in queries.iter_mut().take(2) {
                let turned = format!("{part}/turned");
                let inputs = [part.as_str(), "position_ids", "cos_cache", "sin_cache"];
                self.step(microsoft("RotaryEmbedding", &[]), &inputs, &turned);
                *part = turned;
            }
        }
        let [past_key, past_value] = ["key", "value"].map(|kind| format!("past_key_values.{number}.{kind}"));
        let [key, value] = ["key", "value"].map(|kind| format!("present.{number}.{kind}"));
        // With all three in one product, the places of keys and values are left empty.
        let given =
            |at: usize| if linears.len() > at { queries.get(at).map_or("", String::as_str) } else { "" };
        let mut inputs = vec![given(0), given(1), given(2), &past_key, &past_value, "mask/last_int32"];
        inputs.push("mask/total_int32");
        if !has_positions {
            inputs.extend(["cos_cache", "sin_cache"]);
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let size = f32::from(u16::try_from(sizes.head_size).unwrap_or(u16::MAX));
        self.graph.node(Node {
            name: &name,
            domain: MICROSOFT,
            operator: "GroupQueryAttention",
            inputs: &inputs,
            outputs: &[&name, &key, &value],
            attributes: &[
                Attribute::Int("num_heads", count(sizes.heads)),
                Attribute::Int("kv_num_heads", count(sizes.key_value_heads)),
                Attribute::Float("scale", size.sqrt().recip()),
                Attribute::Int("do_rotary", i64::from(!has_positions)),
            ],
        });
        name
    }

    /// The logits behind the last token of each row.
    fn logits(&mut self, stream: &Stream) {
        let last = &self.decoder.last_norm;
        let stream = Stream { sum: stream.sum.clone(), added: stream.added.clone() };
        let (hidden, _) = self.norm("last_norm", last, stream);
        self.graph.integers("minus_one", &[1], &[-1]);
        self.step(onnx("Gather", &[Attribute::Int("axis", 1)]), &[&hidden, "minus_one"], "last_hidden");
        let head = &self.decoder.head;
        self.linear("logits", head, "last_hidden");
    }

    /// A product; its output has the name given.
    fn linear(&mut self, name: &str, linear: &Linear, input: &str) -> String {
        let ((outputs, inputs), element) = (linear.size, self.decoder.element);
        let [weights_name, scales_name] = ["weight", "scales"].map(|part| format!("{name}/{part}"));
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        match &linear.weights {
            Weights::Float { place, element: kept } => {
                self.graph.external(External {
                    name: &weights_name,
                    element: *kept,
                    dimensions: &[outputs, inputs],
                    place,
                });
                let mut weights = weights_name;
                if *kept != element {
                    let cast = format!("{weights}/cast");
                    self.widened(onnx("Cast", &[Attribute::Int("to", element as i64)]), &[&weights], &cast);
                    weights = cast;
                }
                let turned = [Attribute::Int("transB", 1)];
                self.step(microsoft("FusedMatMul", &turned), &[input, &weights], name);
            }
            Weights::Blocks { weights, scales, blocks } => {
                let (per_row, bytes) = (blocks.of_row(inputs), blocks.bytes());
                self.graph.external(External {
                    name: &weights_name,
                    element: Element::Uint8,
                    dimensions: &[outputs, per_row, bytes],
                    place: weights,
                });
                self.graph.external(External {
                    name: &scales_name,
                    element,
                    dimensions: &[outputs * per_row],
                    place: scales,
                });
                let mut attributes = vec![
                    Attribute::Int("K", count(inputs)),
                    Attribute::Int("N", count(outputs)),
                    Attribute::Int("bits", i64::from(blocks.bits)),
                    Attribute::Int("block_size", count(blocks.block)),
                ];
                // On a processor: products of whole numbers. GPUs have no such choice.
                if element == Element::Float {
                    attributes.push(Attribute::Int("accuracy_level", 4));
                }
                let given = [input, &weights_name, &scales_name];
                self.step(microsoft("MatMulNBits", &attributes), &given, name);
            }
            Weights::Rounded { weights, scales } => {
                self.channels(name, linear.size, (weights, scales));
                let given = [input, &weights_name, &scales_name];
                self.step(microsoft("DynamicQuantizeMatMul", &[]), &given, name);
            }
            Weights::Exact { weights, scales } => {
                self.channels(name, linear.size, (weights, scales));
                let widened = format!("{name}/widened");
                let axis = [Attribute::Int("axis", 1)];
                self.widened(onnx("DequantizeLinear", &axis), &[&weights_name, &scales_name], &widened);
                // Not `MatMul`: ONNX Runtime would make `MatMulNBits` of it, and a copy of the weights.
                self.step(microsoft("FusedMatMul", &[]), &[input, &widened], name);
            }
        }
        name.to_owned()
    }

    fn channels(
        &mut self,
        name: &str,
        (outputs, inputs): (usize, usize),
        (weights, scales): (&Place, &Place),
    ) {
        self.graph.external(External {
            name: &format!("{name}/weight"),
            element: Element::Int8,
            dimensions: &[inputs, outputs],
            place: weights,
        });
        self.graph.external(External {
            name: &format!("{name}/scales"),
            element: Element::Float,
            dimensions: &[outputs],
            place: scales,
        });
    }
}
