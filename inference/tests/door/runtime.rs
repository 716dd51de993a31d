//! One ONNX Runtime per process.

use inference::{InferenceError, Runtime};

use crate::support::{runtime, set_up};

#[test]
fn loading_the_same_library_again_gives_the_same_runtime() {
    let library = set_up().runtime().expect("the library");
    assert!(std::ptr::eq(runtime(), Runtime::load(&library).expect("the same runtime")));
}

#[test]
fn another_library_is_refused_once_one_is_loaded() {
    runtime();
    let other = tempfile::NamedTempFile::new().expect("a file");
    let error = Runtime::load(other.path()).expect_err("another library");
    assert!(matches!(error, InferenceError::OtherRuntime { .. }), "{error}");
}

#[test]
fn the_version_is_the_one_that_was_locked() {
    // On Windows the library's file name has no version.
    let known = if cfg!(windows) { "1.32" } else { "1.32.0" };
    assert_eq!(runtime().version(), known);
}
