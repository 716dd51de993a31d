//! Where a graph runs: what was asked for, and what a probe run showed.

use std::{fmt, fs, path::Path, str::FromStr};

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use serde::Deserialize;

use crate::InferenceError;

/// A way ONNX Runtime has of running a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The processor.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// Any DirectX 12 GPU on Windows.
    DirectMl,
}

impl Provider {
    /// Every provider there is.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::DirectMl];

    /// The name used in configuration and records: `cpu`, `cuda` or `directml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::DirectMl => "directml",
        }
    }

    /// The name ONNX Runtime gives it in a profile.
    fn profile_name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::DirectMl => "DmlExecutionProvider",
        }
    }

    /// What a session registers to use it. A failure to register is an error, because ONNX Runtime would otherwise
    /// take the CPU without a word. The CPU is always there, and gets its memory arena.
    pub(crate) fn registration(self) -> ExecutionProviderDispatch {
        match self {
            Self::Cpu => ep::CPU::default().with_arena_allocator(true).build(),
            Self::Cuda => ep::CUDA::default().build(),
            Self::DirectMl => ep::DirectML::default().build(),
        }
        .error_on_failure()
    }

    /// Whether the library was built with it; that says nothing about this machine having the hardware.
    fn is_built_in(self) -> bool {
        let built_in = match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::DirectMl => ep::DirectML::is_available(),
        };
        built_in.unwrap_or(false)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no provider's.
#[derive(Debug, thiserror::Error)]
#[error("there is no provider `{0}`: there are cpu, cuda and directml")]
pub struct UnknownProvider(String);

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| UnknownProvider(name.to_owned()))
    }
}

/// The device that runs a graph, as a probe run showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The provider that runs most of the graph.
    pub provider: Provider,
    /// How that is known, and why no other provider runs it.
    pub detail: String,
}

impl Device {
    /// This device, if it is the one that `require` names or if that names none.
    pub(crate) fn checked(self, require: Option<Provider>) -> Result<Self, InferenceError> {
        match require.filter(|required| *required != self.provider) {
            None => Ok(self),
            Some(required) => {
                Err(InferenceError::DeviceRequired { required, found: self.provider, detail: self.detail })
            }
        }
    }
}

/// What stands in the profile for one node that ran; other events have no provider.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    args: Args,
}

#[derive(Deserialize, Default)]
struct Args {
    provider: Option<String>,
}

/// Reads the profile of a probe run: whether `provider` ran at least half of the nodes, and how many.
///
/// # Errors
///
/// A sentence that says what ran instead, or why the profile says nothing.
pub(crate) fn proof(provider: Provider, profile: &Path) -> Result<String, String> {
    let text =
        fs::read_to_string(profile).map_err(|error| format!("no profile of the probe run: {error}"))?;
    let events: Vec<Event> = serde_json::from_str(&text)
        .map_err(|error| format!("unreadable profile of the probe run: {error}"))?;
    let ran: Vec<String> = events.into_iter().filter_map(|event| event.args.provider).collect();
    let here = ran.iter().filter(|name| *name == provider.profile_name()).count();
    if here > 0 && here * 2 >= ran.len() {
        Ok(format!("{here} of {} nodes of the probe run ran on it", ran.len()))
    } else {
        Err(format!("it registered, but ran only {here} of {} nodes of the probe run", ran.len()))
    }
}

/// Why each provider that was not tried was not.
pub(crate) fn untried(tried: &[Provider]) -> Vec<String> {
    let others = Provider::ALL.into_iter().filter(|provider| !tried.contains(provider));
    others
        .map(|provider| {
            let reason =
                if provider.is_built_in() { "not asked for" } else { "not in this build of ONNX Runtime" };
            format!("{provider}: {reason}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(providers: &[&str], provider: Provider) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let events: Vec<String> = providers
            .iter()
            .map(|name| format!(r#"{{"cat":"Node","args":{{"provider":"{name}","op_name":"Gemm"}}}}"#))
            .collect();
        fs::write(file.path(), format!(r#"[{{"cat":"Session","args":{{}}}},{}]"#, events.join(",")))
            .expect("written");
        proof(provider, file.path())
    }

    #[test]
    fn a_provider_that_registers_but_runs_nothing_is_found_out() {
        let refused = check(&["CPUExecutionProvider"; 3], Provider::Cuda).expect_err("no proof");
        assert_eq!(refused, "it registered, but ran only 0 of 3 nodes of the probe run");
    }

    #[test]
    fn a_provider_that_leaves_a_few_nodes_to_the_cpu_is_believed() {
        let shown = ["CUDAExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"];
        assert_eq!(check(&shown, Provider::Cuda).expect("proof"), "2 of 3 nodes of the probe run ran on it");
        assert!(check(&shown, Provider::Cpu).is_err());
    }

    #[test]
    fn an_empty_profile_proves_nothing() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert!(proof(Provider::Cpu, file.path()).is_err());
    }

    #[test]
    fn a_misspelt_provider_is_refused_with_the_names_there_are() {
        let error = "gpu".parse::<Provider>().expect_err("no such provider");
        assert_eq!(error.to_string(), "there is no provider `gpu`: there are cpu, cuda and directml");
        assert_eq!("directml".parse::<Provider>().expect("a provider"), Provider::DirectMl);
    }
}
