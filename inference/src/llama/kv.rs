//! Keys and values of the tokens a model has read, so that what follows them need not read them again.

use std::fmt::Debug;

use half::f16;
use ort::{
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::{IoBinding, Session},
    value::{DynValue, PrimitiveTensorElementType, Tensor},
};

use crate::Provider;

/// Fewest tokens there is room for, to begin with.
const ROOM: usize = 256;

/// What must be known of a model to keep its keys and values.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Name of each of the graph's pasts, and of the present that goes with it.
    pub(super) names: Vec<(String, String)>,
    pub(super) heads: usize,
    pub(super) head_size: usize,
    pub(super) context: usize,
    pub(super) is_half: bool,
    pub(super) provider: Provider,
}

impl Layout {
    /// Tokens that a buffer has room for when `tokens` must find room in it.
    pub(super) fn capacity(&self, tokens: usize) -> usize {
        tokens.max(ROOM).next_power_of_two().min(self.context.max(tokens))
    }

    /// Bytes of the keys and values of so many tokens.
    pub(super) fn bytes(&self, tokens: usize) -> u64 {
        let number = if self.is_half { 2 } else { 4 };
        let token = self.names.len() * self.heads * self.head_size * number;
        (token as u64).saturating_mul(tokens as u64)
    }
}

/// Keys or values of one layer: `[rows, heads, tokens, head size]`.
#[derive(Debug)]
pub(super) enum Past {
    Single(Tensor<f32>),
    Half(Tensor<f16>),
}

/// One row of keys or values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) past: &'a Past,
    pub(super) row: usize,
    /// Tokens of it that count.
    pub(super) tokens: usize,
}

impl Past {
    /// Zeros for `tokens` in each of `rows`.
    pub(super) fn empty(rows: usize, tokens: usize, layout: &Layout) -> Result<Self, ort::Error> {
        let shape = [rows, layout.heads, tokens, layout.head_size];
        // Memory of the processor: `Tensor::new` fills it with zeros.
        Ok(if layout.is_half {
            Self::Half(Tensor::new(&Allocator::default(), shape)?)
        } else {
            Self::Single(Tensor::new(&Allocator::default(), shape)?)
        })
    }

    /// What a run gave as present.
    pub(super) fn of_output(value: DynValue, layout: &Layout) -> Result<Self, ort::Error> {
        Ok(if layout.is_half { Self::Half(value.downcast()?) } else { Self::Single(value.downcast()?) })
    }

    /// The first `kept` tokens of its one row, in a tensor of the processor's with room for `capacity`.
    pub(super) fn resized(&self, kept: usize, capacity: usize, layout: &Layout) -> Result<Self, ort::Error> {
        let mut grown = Self::empty(1, capacity, layout)?;
        grown.write(0, Line { past: self, row: 0, tokens: kept })?;
        Ok(grown)
    }

    /// Copies the tokens of a line to the beginning of a row. This must lie in the processor's memory.
    pub(super) fn write(&mut self, row: usize, line: Line<'_>) -> Result<(), ort::Error> {
        match (line.past, self) {
            (Self::Single(from), Self::Single(to)) => copy((from, line.row), (to, row), line.tokens),
            (Self::Half(from), Self::Half(to)) => copy((from, line.row), (to, row), line.tokens),
            _ => Err(ort::Error::new("keys and values changed their type")),
        }
    }

    /// Whether it lies in the processor's memory.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Self::Single(tensor) => tensor.memory_info().is_cpu_accessible(),
            Self::Half(tensor) => tensor.memory_info().is_cpu_accessible(),
        }
    }

    /// The same where the graph runs.
    pub(super) fn on_device(self, layout: &Layout, session: &Session) -> Result<Self, ort::Error> {
        if layout.provider != Provider::Cuda {
            return Ok(self);
        }
        let memory = MemoryInfo::new(AllocationDevice::CUDA, 0, AllocatorType::Device, MemoryType::Default)?;
        let allocator = Allocator::new(session, memory)?;
        Ok(match self {
            Self::Single(tensor) => Self::Single(moved(&tensor, &allocator)?),
            Self::Half(tensor) => Self::Half(moved(&tensor, &allocator)?),
        })
    }

    /// Binds it as past and present at once: the graph adds to it where it is.
    pub(super) fn bind(
        &mut self,
        binding: &mut IoBinding,
        (past, present): &(String, String),
    ) -> Result<(), ort::Error> {
        match self {
            Self::Single(tensor) => bind(binding, tensor, past, present),
            Self::Half(tensor) => bind(binding, tensor, past, present),
        }
    }
}

fn bind<T: PrimitiveTensorElementType + Debug>(
    binding: &mut IoBinding,
    tensor: &mut Tensor<T>,
    past: &str,
    present: &str,
) -> Result<(), ort::Error> {
    binding.bind_input(past, tensor)?;
    binding.bind_output(present, tensor)
}

fn moved<T: PrimitiveTensorElementType + Debug>(
    tensor: &Tensor<T>,
    allocator: &Allocator,
) -> Result<Tensor<T>, ort::Error> {
    let mut target = Tensor::new(allocator, tensor.shape().to_vec())?;
    tensor.copy_into(&mut target)?;
    Ok(target)
}

/// Copies the first `kept` tokens of every head of a row to those of another.
fn copy<T: PrimitiveTensorElementType + Debug + Copy>(
    (from, from_row): (&Tensor<T>, usize),
    (to, to_row): (&mut Tensor<T>, usize),
    kept: usize,
) -> Result<(), ort::Error> {
    let here;
    let from = if from.memory_info().is_cpu_accessible() {
        from
    } else {
        here = from.to(AllocationDevice::CPU, 0)?;
        &here
    };
    let (from_shape, from) = from.try_extract_tensor::<T>()?;
    let (heads, width, from_room) = sizes(from_shape)?;
    let (to_shape, to) = to.try_extract_tensor_mut::<T>()?;
    let (_, _, to_room) = sizes(to_shape)?;
    if kept * width == 0 {
        return Ok(());
    }
    let from = from.chunks_exact(from_room * width).skip(from_row * heads).take(heads);
    let to = to.chunks_exact_mut(to_room * width).skip(to_row * heads).take(heads);
    for (from, to) in from.zip(to) {
        let (Some(from), Some(to)) = (from.get(..kept * width), to.get_mut(..kept * width)) else {
            return Err(ort::Error::new("more tokens were to be kept than there are"));
        };
        to.copy_from_slice(from);
    }
    Ok(())
}

/// The heads, the size of one, and the tokens there is room for.
fn sizes(shape: &[i64]) -> Result<(usize, usize, usize), ort::Error> {
    let [_, heads, tokens, width] = shape else {
        return Err(ort::Error::new(format!("keys or values have the shape {shape:?}")));
    };
    let size = |number: &i64| usize::try_from(*number).unwrap_or_default();
    Ok((size(heads), size(width), size(tokens)))
}
