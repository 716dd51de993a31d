//! SHA-256 of files and texts.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The digest of a file, in hexadecimal, without holding the file in memory.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(HEXLOWER.encode(&digest.finalize())),
            read => digest.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}

/// The digest of several parts in order, in hexadecimal. The parts are separated, so that none can flow into the next.
pub(crate) fn of_parts(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update(b"\n");
    }
    HEXLOWER.encode(&digest.finalize())
}

/// The first half of a text's digest: names the text without keeping it.
pub(crate) fn of_text(text: &str) -> u128 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).fold(0, |name, byte| (name << 8) | u128::from(*byte))
}
