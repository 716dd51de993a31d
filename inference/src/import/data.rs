//! The files that hold a graph's weights: first what goes where, then the writing, matrix by matrix and in parallel.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use half::f16;
use rayon::prelude::*;

use super::{
    ImportError,
    matrix::Matrix,
    onnx::{Element, Place},
    pack::{self, Blocks},
};

/// Every tensor begins at a multiple of this: whole pages can be mapped into memory.
const PAGE: u64 = 4096;
/// Numbers read at once.
const CHUNK: usize = 1 << 20;

/// What is to be written to one file.
#[derive(Debug)]
pub(super) struct DataFile {
    name: String,
    length: u64,
    small: Vec<(Place, Vec<u8>)>,
    packings: Vec<Packing>,
}

/// A matrix and the forms in which it is to be written.
#[derive(Debug)]
struct Packing {
    matrix: Matrix,
    form: Form,
}

/// A form in which a matrix is written.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// In another element type.
    Plain { place: Place, element: Element },
    /// As `MatMulNBits` wants it.
    Blocks { weights: Place, scales: Place, blocks: Blocks, scale: Element },
    /// As `DynamicQuantizeMatMul` wants it: turned round, one scale an output.
    Channels { weights: Place, scales: Place },
}

impl DataFile {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), length: 0, small: Vec::new(), packings: Vec::new() }
    }

    /// Room for so many bytes.
    fn room(&mut self, length: usize) -> Place {
        let offset = self.length.next_multiple_of(PAGE);
        self.length = offset + length as u64;
        Place { file: self.name.clone(), offset, length: length as u64 }
    }

    /// Lets numbers be written.
    pub(super) fn numbers(&mut self, numbers: &[f32], element: Element) -> Place {
        let bytes = encoded(numbers, element);
        let place = self.room(bytes.len());
        self.small.push((place.clone(), bytes));
        place
    }

    /// Lets a matrix be written in an element type.
    pub(super) fn plain(&mut self, matrix: Matrix, element: Element) -> Place {
        let numbers = matrix.height() * matrix.width();
        let place = self.room(numbers * usize::try_from(element.bytes()).unwrap_or_default());
        self.packings.push(Packing { matrix, form: Form::Plain { place: place.clone(), element } });
        place
    }

    /// Lets a matrix be written in blocks, with their scales in the element type given.
    pub(super) fn blocks(&mut self, matrix: Matrix, blocks: Blocks, scale: Element) -> (Place, Place) {
        let count = matrix.height() * blocks.of_row(matrix.width());
        let weights = self.room(count * blocks.bytes());
        let scales = self.room(count * usize::try_from(scale.bytes()).unwrap_or_default());
        let form = Form::Blocks { weights: weights.clone(), scales: scales.clone(), blocks, scale };
        self.packings.push(Packing { matrix, form });
        (weights, scales)
    }

    /// Lets a matrix be written turned round, one scale an output.
    pub(super) fn channels(&mut self, matrix: Matrix) -> (Place, Place) {
        let weights = self.room(matrix.height() * matrix.width());
        let scales = self.room(matrix.height() * 4);
        let form = Form::Channels { weights: weights.clone(), scales: scales.clone() };
        self.packings.push(Packing { matrix, form });
        (weights, scales)
    }

    /// Writes all of it into a folder.
    pub(super) fn write(&self, folder: &Path, cancelled: &AtomicBool) -> Result<(), ImportError> {
        if self.length == 0 {
            return Ok(());
        }
        let path = folder.join(&self.name);
        let pen = Pen { path, cancelled };
        pen.create(self.length)?;
        for (place, bytes) in &self.small {
            pen.write(place, 0, bytes)?;
        }
        self.packings.par_iter().try_for_each(|packing| packing.write(&pen))
    }
}

fn encoded(numbers: &[f32], element: Element) -> Vec<u8> {
    match element {
        Element::Half => numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect(),
        _ => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
    }
}

/// Writes at places of one file, from several threads.
struct Pen<'a> {
    path: PathBuf,
    cancelled: &'a AtomicBool,
}

impl Pen<'_> {
    fn failed(&self) -> impl Fn(io::Error) -> ImportError {
        |source| ImportError::Write { path: self.path.clone(), source }
    }

    fn create(&self, length: u64) -> Result<(), ImportError> {
        let file = File::create_new(&self.path).map_err(self.failed())?;
        file.set_len(length).map_err(self.failed())
    }

    /// Writes at so many bytes behind the start of a place.
    fn write(&self, place: &Place, skipped: u64, bytes: &[u8]) -> Result<(), ImportError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(ImportError::Cancelled);
        }
        let mut file = OpenOptions::new().write(true).open(&self.path).map_err(self.failed())?;
        file.seek(SeekFrom::Start(place.offset + skipped)).map_err(self.failed())?;
        file.write_all(bytes).map_err(self.failed())
    }
}

impl Packing {
    fn write(&self, pen: &Pen<'_>) -> Result<(), ImportError> {
        let (height, width) = (self.matrix.height(), self.matrix.width());
        match &self.form {
            Form::Plain { place, element } => {
                let mut written = 0;
                self.chunks(|_, rows| {
                    let bytes = encoded(rows, *element);
                    pen.write(place, written, &bytes)?;
                    written += bytes.len() as u64;
                    Ok(())
                })
            }
            Form::Blocks { weights, scales, blocks, scale } => {
                let (mut written, mut kept) = (0, Vec::with_capacity(height * blocks.of_row(width)));
                self.chunks(|_, rows| {
                    let mut packed = Vec::new();
                    rows.chunks_exact(width).for_each(|row| blocks.pack(row, &mut packed, &mut kept));
                    pen.write(weights, written, &packed)?;
                    written += packed.len() as u64;
                    Ok(())
                })?;
                pen.write(scales, 0, &encoded(&kept, *scale))
            }
            Form::Channels { weights, scales } => {
                let (mut turned, mut kept) = (vec![0_u8; height * width], Vec::with_capacity(height));
                self.chunks(|first, rows| {
                    let mut packed = vec![0; rows.len()];
                    for (row, packed) in rows.chunks_exact(width).zip(packed.chunks_exact_mut(width)) {
                        kept.push(pack::channel(row, packed));
                    }
                    turn(&packed, width, &mut turned, Columns { first, of: height });
                    Ok(())
                })?;
                pen.write(weights, 0, &turned)?;
                pen.write(scales, 0, &encoded(&kept, Element::Float))
            }
        }
    }

    /// Reads the matrix in pieces of whole rows; each with the number of its first row.
    fn chunks(
        &self,
        mut each: impl FnMut(usize, &[f32]) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let (height, width) = (self.matrix.height(), self.matrix.width());
        let step = (CHUNK / width.max(1)).max(1);
        for first in (0..height).step_by(step) {
            each(first, &self.matrix.read(first..(first + step).min(height))?)?;
        }
        Ok(())
    }
}

/// Columns of a matrix that has `of` of them.
#[derive(Clone, Copy)]
struct Columns {
    first: usize,
    of: usize,
}

/// Puts rows of `width` into the columns of a matrix.
fn turn(rows: &[i8], width: usize, turned: &mut [u8], columns: Columns) {
    let count = rows.len() / width.max(1);
    for (at, target) in turned.chunks_exact_mut(columns.of).enumerate() {
        let Some(target) = target.get_mut(columns.first..columns.first + count) else { return };
        for (target, row) in target.iter_mut().zip(rows.chunks_exact(width)) {
            *target = row.get(at).copied().unwrap_or_default().cast_unsigned();
        }
    }
}
