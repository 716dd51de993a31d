#!/bin/sh
# Answers like a Python that has no pip.
echo "$0: No module named pip" >&2
exit 1
