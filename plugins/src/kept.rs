//! The vectors of a policy's own texts, kept from one start to the next.
//!
//! They depend on nothing but the texts and the encoder, so a file named after both is right or is not read.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const BYTES_PER_NUMBER: usize = size_of::<f32>();

/// A file of vectors for `texts`, as one encoder makes them.
pub(crate) struct Kept {
    file: PathBuf,
    rows: usize,
    dimension: usize,
}

impl Kept {
    /// The place in `folder` for the vectors of `texts` by the encoder of that digest.
    pub(crate) fn new(folder: &Path, texts: &[&str], encoder: &str, dimension: usize) -> Self {
        let mut hash = Sha256::new_with_prefix(encoder);
        for text in texts {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        }
        let name = data_encoding::HEXLOWER.encode(&hash.finalize());
        Self { file: folder.join(format!("{name}.f32")), rows: texts.len(), dimension }
    }

    /// The vectors, if the file is there and whole.
    pub(crate) fn read(&self) -> Option<Vec<Vec<f32>>> {
        let bytes = fs::read(&self.file).ok()?;
        if bytes.len() != self.rows * self.dimension * BYTES_PER_NUMBER {
            return None;
        }
        let numbers: Vec<f32> =
            bytes.as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
        let rows: Vec<Vec<f32>> = numbers.chunks_exact(self.dimension).map(<[f32]>::to_vec).collect();
        // A file that was damaged in place shows by lengths other than 1.
        let whole = |row: &Vec<f32>| (row.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-3;
        rows.iter().all(whole).then_some(rows)
    }

    /// Writes the vectors whole, or not at all. Without them the next start only takes longer.
    pub(crate) fn write(&self, rows: &[Vec<f32>]) {
        let bytes: Vec<u8> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        let partial = self.file.with_extension(format!("{}.partial", std::process::id()));
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&partial, bytes))
            .and_then(|()| fs::rename(&partial, &self.file));
        if let Err(error) = written {
            tracing::warn!(%error, "the policy's vectors cannot be kept: the next start embeds them again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_vectors_come_back_only_whole_and_only_for_the_same_texts_and_encoder() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = vec![vec![0.6, 0.8], vec![1.0, 0.0]];
        let kept = Kept::new(folder.path(), &["a", "b"], "encoder", 2);
        assert_eq!(kept.read(), None);
        kept.write(&rows);
        assert_eq!(kept.read(), Some(rows));
        assert_eq!(Kept::new(folder.path(), &["ab", ""], "encoder", 2).read(), None);
        assert_eq!(Kept::new(folder.path(), &["a", "b"], "another", 2).read(), None);
        fs::write(&kept.file, [0_u8; 16]).expect("damage");
        assert_eq!(kept.read(), None, "a damaged file is not believed");
        fs::write(&kept.file, [0_u8; 15]).expect("damage");
        assert_eq!(kept.read(), None, "a cut file is not believed");
    }
}
