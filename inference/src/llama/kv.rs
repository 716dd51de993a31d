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

/// The tokens read, with their keys and values.
#[derive(Debug, Default)]
pub(super) struct Cache {
    ids: Vec<u32>,
    /// One buffer for each past, which the graph adds to where it is.
    pub(super) shared: Option<Buffers>,
    /// A tensor for each past, exactly as long as there are tokens, for graphs that cannot share.
    pub(super) separate: Vec<Past>,
}

impl Cache {
    /// The tokens whose keys and values are held.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Tokens that a run has added.
    pub(super) fn added(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
    }

    /// Forgets all tokens and keeps the buffers.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.separate.clear();
    }

    /// Forgets all but the first `tokens`.
    pub(super) fn rewind(&mut self, tokens: usize, layout: &Layout) -> Result<(), ort::Error> {
        if tokens < self.ids.len() {
            self.ids.truncate(tokens);
            // A shared buffer is overwritten: what lies behind the tokens counts for nothing.
            for past in &mut self.separate {
                *past = past.resized(tokens, tokens, layout)?;
            }
        }
        Ok(())
    }

    /// Makes room for `tokens` in shared buffers.
    pub(super) fn reserve(
        &mut self,
        tokens: usize,
        layout: &Layout,
        session: &Session,
    ) -> Result<(), ort::Error> {
        if self.shared.as_ref().is_some_and(|buffers| buffers.capacity >= tokens) {
            return Ok(());
        }
        let capacity = tokens.max(ROOM).next_power_of_two().min(layout.context.max(tokens));
        let old = self.shared.as_ref();
        let mut tensors = Vec::with_capacity(layout.names.len());
        for position in 0..layout.names.len() {
            let grown = match old.and_then(|buffers| buffers.tensors.get(position)) {
                Some(past) => past.resized(self.ids.len(), capacity, layout)?,
                None => Past::empty(capacity, layout)?,
            };
            tensors.push(grown.on_device(layout, session)?);
        }
        self.shared = Some(Buffers::new(tensors, capacity, layout, session)?);
        Ok(())
    }
}

/// Buffers bound as past and present at once.
#[derive(Debug)]
pub(super) struct Buffers {
    tensors: Vec<Past>,
    capacity: usize,
    pub(super) binding: IoBinding,
}

impl Buffers {
    fn new(
        mut tensors: Vec<Past>,
        capacity: usize,
        layout: &Layout,
        session: &Session,
    ) -> Result<Self, ort::Error> {
        let mut binding = session.create_binding()?;
        for (tensor, (past, present)) in tensors.iter_mut().zip(&layout.names) {
            match tensor {
                Past::Single(tensor) => bind(&mut binding, tensor, past, present)?,
                Past::Half(tensor) => bind(&mut binding, tensor, past, present)?,
            }
        }
        Ok(Self { tensors, capacity, binding })
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

/// Keys or values of one layer: `[1, heads, tokens, head size]`.
#[derive(Debug)]
pub(super) enum Past {
    Single(Tensor<f32>),
    Half(Tensor<f16>),
}

impl Past {
    /// Zeros for `tokens`.
    pub(super) fn empty(tokens: usize, layout: &Layout) -> Result<Self, ort::Error> {
        let shape = [1, layout.heads, tokens, layout.head_size];
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

    /// The first `kept` tokens in a tensor of the processor's with room for `capacity`.
    fn resized(&self, kept: usize, capacity: usize, layout: &Layout) -> Result<Self, ort::Error> {
        let mut grown = Self::empty(capacity, layout)?;
        match (self, &mut grown) {
            (Self::Single(from), Self::Single(to)) => copy(from, to, kept)?,
            (Self::Half(from), Self::Half(to)) => copy(from, to, kept)?,
            _ => return Err(ort::Error::new("keys and values changed their type")),
        }
        Ok(grown)
    }

    /// The same where the graph runs.
    fn on_device(self, layout: &Layout, session: &Session) -> Result<Self, ort::Error> {
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
}

fn moved<T: PrimitiveTensorElementType + Debug>(
    tensor: &Tensor<T>,
    allocator: &Allocator,
) -> Result<Tensor<T>, ort::Error> {
    let mut target = Tensor::new(allocator, tensor.shape().to_vec())?;
    tensor.copy_into(&mut target)?;
    Ok(target)
}

/// Copies the first `kept` tokens of every head.
fn copy<T: PrimitiveTensorElementType + Debug + Copy>(
    from: &Tensor<T>,
    to: &mut Tensor<T>,
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
    let (width, from_room) = sizes(from_shape)?;
    let (to_shape, to) = to.try_extract_tensor_mut::<T>()?;
    let (_, to_room) = sizes(to_shape)?;
    if kept * width == 0 {
        return Ok(());
    }
    for (from, to) in from.chunks_exact(from_room * width).zip(to.chunks_exact_mut(to_room * width)) {
        let (Some(from), Some(to)) = (from.get(..kept * width), to.get_mut(..kept * width)) else {
            return Err(ort::Error::new("more tokens were to be kept than there are"));
        };
        to.copy_from_slice(from);
    }
    Ok(())
}

/// The size of a head, and the tokens there is room for.
fn sizes(shape: &[i64]) -> Result<(usize, usize), ort::Error> {
    let [_, _, tokens, width] = shape else {
        return Err(ort::Error::new(format!("keys or values have the shape {shape:?}")));
    };
    let size = |number: &i64| usize::try_from(*number).unwrap_or_default();
    Ok((size(width), size(tokens)))
}
