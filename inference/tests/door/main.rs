//! The room at its public door. One binary, because a process has one ONNX Runtime.

#[cfg(test)]
mod classifier;
#[cfg(test)]
mod embedder;
#[cfg(test)]
mod import;
#[cfg(test)]
mod import_faults;
#[cfg(test)]
mod import_support;
#[cfg(test)]
mod llama;
#[cfg(test)]
mod llama_attacks;
#[cfg(test)]
mod llama_calls;
#[cfg(test)]
mod llama_folder;
#[cfg(test)]
mod llama_graphs;
#[cfg(test)]
mod llama_guard;
#[cfg(test)]
mod llama_memory;
#[cfg(test)]
mod llama_mixed;
#[cfg(test)]
mod llama_packed;
#[cfg(test)]
mod llama_schedules;
#[cfg(test)]
mod llama_support;
#[cfg(test)]
mod llama_texts;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod runtime;
#[cfg(test)]
#[cfg(unix)]
mod set_up;
#[cfg(test)]
mod support;
#[cfg(test)]
mod windows;
