//! ONNX Runtime itself: one per process, for its whole life.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ort::{
    environment::Environment,
    logging::{LogLevel, LoggerFunction},
};

use crate::InferenceError;

static LOADED: OnceLock<Runtime> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// ONNX Runtime, loaded from a library at run time.
#[derive(Debug)]
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
    version: String,
}

impl Runtime {
    /// Loads the library, or gives the one already loaded. Telemetry is off.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Library`] when the file is no ONNX Runtime this program can use,
    /// [`InferenceError::OtherRuntime`] when this process has loaded another one before.
    pub fn load(dylib: &Path) -> Result<&'static Self, InferenceError> {
        let asked =
            dylib.canonicalize().map_err(|source| InferenceError::Read { path: dylib.to_owned(), source })?;
        let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            if loaded.path == asked {
                return Ok(loaded);
            }
            return Err(InferenceError::OtherRuntime { loaded: loaded.path.clone(), asked });
        }
        let runtime = Self::start(asked)?;
        Ok(LOADED.get_or_init(|| runtime))
    }

    fn start(path: PathBuf) -> Result<Self, InferenceError> {
        // Windows has a DirectML.dll of its own, often older: the one that came with the library must win.
        let direct_ml = path.with_file_name("DirectML.dll");
        if direct_ml.is_file()
            && let Err(error) = ort::util::preload_dylib(&direct_ml)
        {
            tracing::warn!(path = %direct_ml.display(), %error, "DirectML did not load");
        }
        let builder =
            ort::init_from(&path).map_err(|source| InferenceError::Library { path: path.clone(), source })?;
        let environment = builder
            .with_name("lamassu")
            .with_telemetry(false)
            .with_logger(logger())
            .build()
            .map_err(InferenceError::Environment)?;
        environment.set_log_level(LogLevel::Warning);
        let version = version_of(&path);
        tracing::info!(path = %path.display(), version, "ONNX Runtime is loaded");
        Ok(Self { environment, path, version })
    }

    /// The version of the library, such as `1.32.0`, or `1.32` where the file's name does not have it all.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The library it was loaded from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// Passes ONNX Runtime's own messages on to this process's log.
fn logger() -> LoggerFunction {
    Arc::new(|level, category, _id, location, message| match level {
        LogLevel::Fatal | LogLevel::Error => {
            tracing::error!(target: "onnxruntime", category, location, "{message}");
        }
        LogLevel::Warning => tracing::warn!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Info | LogLevel::Verbose => {
            tracing::debug!(target: "onnxruntime", category, location, "{message}");
        }
    })
}

/// The version: as the library's file name ends, or else as far as the library tells.
fn version_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let named: Vec<&str> = name.split('.').filter(digits).collect();
    match ort::util::probe(path) {
        Some(minor) if named.len() < 3 => format!("1.{minor}"),
        _ => named.join("."),
    }
}
