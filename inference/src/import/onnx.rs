//! Writing an ONNX file: as much of onnx.proto as a decoder's graph takes.
//!
//! *Source*: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto> for the field numbers,
//! <https://protobuf.dev/programming-guides/encoding/> for the bytes.

/// The element type of a tensor, by its number in ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Half = 10,
    Bfloat = 16,
}

impl Element {
    /// Bytes of one number.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Half | Self::Bfloat => 2,
            Self::Float | Self::Int32 => 4,
            Self::Int64 => 8,
        }
    }

    fn number(self) -> u64 {
        self as u64
    }
}

/// Where in a file beside the graph a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// A size of a tensor: a number, or a name for what differs from run to run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dimension<'a> {
    Fixed(usize),
    Named(&'a str),
}

/// An attribute of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute<'a> {
    Int(&'a str, i64),
    Float(&'a str, f32),
}

/// One step of a graph. The domain is empty for ONNX's own operators.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) domain: &'a str,
    pub(super) operator: &'a str,
    pub(super) inputs: &'a [&'a str],
    pub(super) outputs: &'a [&'a str],
    pub(super) attributes: &'a [Attribute<'a>],
}

/// A tensor whose numbers lie in another file.
#[derive(Debug, Clone, Copy)]
pub(super) struct External<'a> {
    pub(super) name: &'a str,
    pub(super) element: Element,
    pub(super) dimensions: &'a [usize],
    pub(super) place: &'a Place,
}

/// A protobuf message in the making.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                self.0.push(low & 0x7f);
                return;
            }
            self.0.push(low | 0x80);
        }
    }

    fn number(mut self, field: u64, number: u64) -> Self {
        self.varint(field << 3);
        self.varint(number);
        self
    }

    fn float(mut self, field: u64, number: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn dimensions(self, dimensions: &[usize]) -> Self {
        dimensions.iter().fold(self, |message, size| message.number(1, *size as u64))
    }
}

/// A graph in the making.
#[derive(Debug, Default)]
pub(super) struct Graph {
    message: Message,
    /// Steps that widen weights.
    widening: Message,
}

impl Graph {
    /// Adds a step.
    pub(super) fn node(&mut self, node: Node<'_>) {
        self.add(1, &step(node));
    }

    /// Adds a step that makes larger weights of those in a file, ahead of all others.
    ///
    /// ONNX Runtime goes through a graph from its end, what was added last first, and runs it the other way round: a
    /// step that stands at the beginning and needs no input runs just before what needs it. Anywhere else, all weights
    /// of a model would be widened before its first layer runs, and lie in memory side by side.
    pub(super) fn widening(&mut self, node: Node<'_>) {
        self.widening = std::mem::take(&mut self.widening).message(1, &step(node));
    }

    /// Adds a tensor whose numbers lie in another file.
    pub(super) fn external(&mut self, tensor: External<'_>) {
        let External { name, element, dimensions, place } = tensor;
        let (offset, length) = (place.offset.to_string(), place.length.to_string());
        let mut message = Message::default().dimensions(dimensions).number(2, element.number()).text(8, name);
        for (key, value) in [("location", &place.file), ("offset", &offset), ("length", &length)] {
            message = message.message(13, &Message::default().text(1, key).text(2, value));
        }
        self.add(5, &message.number(14, 1));
    }

    /// Adds a tensor of a few whole numbers; of no dimension where `dimensions` is empty.
    pub(super) fn integers(&mut self, name: &str, dimensions: &[usize], numbers: &[i64]) {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let message = Message::default().dimensions(dimensions).number(2, Element::Int64.number());
        self.add(5, &message.text(8, name).bytes(9, &raw));
    }

    /// Says what goes into the graph.
    pub(super) fn input(&mut self, name: &str, element: Element, shape: &[Dimension<'_>]) {
        self.add(11, &value(name, element, shape));
    }

    /// Says what comes out of it.
    pub(super) fn output(&mut self, name: &str, element: Element, shape: &[Dimension<'_>]) {
        self.add(12, &value(name, element, shape));
    }

    /// The whole file.
    pub(super) fn into_model(mut self) -> Vec<u8> {
        self.widening.0.extend(self.message.0);
        self.message = self.widening.text(2, "main_graph");
        let opset = |domain: &str, version: u64| Message::default().text(1, domain).number(2, version);
        let model = Message::default().number(1, IR).text(2, "lamassu").message(7, &self.message);
        model.message(8, &opset("", OPSET)).message(8, &opset(MICROSOFT, 1)).0
    }

    fn add(&mut self, field: u64, message: &Message) {
        self.message = std::mem::take(&mut self.message).message(field, message);
    }
}

/// The domain of ONNX Runtime's own operators.
pub(super) const MICROSOFT: &str = "com.microsoft";
/// The version of the file format, and of ONNX's operators: ONNX Runtime reads them from 1.20 on.
const IR: u64 = 10;
const OPSET: u64 = 21;

/// `NodeProto`.
fn step(node: Node<'_>) -> Message {
    let mut message = Message::default();
    for input in node.inputs {
        message = message.text(1, input);
    }
    for output in node.outputs {
        message = message.text(2, output);
    }
    message = message.text(3, node.name).text(4, node.operator);
    for attribute in node.attributes {
        message = message.message(5, &encoded(*attribute));
    }
    message.text(7, node.domain)
}

/// `AttributeProto`, whose field 20 is the type.
fn encoded(attribute: Attribute<'_>) -> Message {
    match attribute {
        Attribute::Float(name, number) => Message::default().text(1, name).float(2, number).number(20, 1),
        Attribute::Int(name, number) => {
            Message::default().text(1, name).number(3, number.cast_unsigned()).number(20, 2)
        }
    }
}

/// `ValueInfoProto` of a tensor.
fn value(name: &str, element: Element, shape: &[Dimension<'_>]) -> Message {
    let mut sizes = Message::default();
    for size in shape {
        let size = match size {
            Dimension::Fixed(size) => Message::default().number(1, *size as u64),
            Dimension::Named(name) => Message::default().text(2, name),
        };
        sizes = sizes.message(1, &size);
    }
    let tensor = Message::default().number(1, element.number()).message(2, &sizes);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
