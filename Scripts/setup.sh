#!/usr/bin/env bash
# Installs what Apus needs on Debian beyond a Swift toolchain. With --tests also what only the tests need.
set -euo pipefail

packages=(
  # What Swift itself builds and links with.
  binutils gcc git libc6-dev libcurl4-openssl-dev libedit2 libncurses6 libsqlite3-0 libstdc++-12-dev libxml2 tzdata
  # zlib for compressed data sets, and how the package manager finds it.
  zlib1g-dev pkg-config
  # BLAS for the reference kernels and what reads JPEG files, found by name at run time.
  libopenblas0 libturbojpeg0
  # The images of the examples.
  dataset-fashion-mnist
)

# Headers of compiled graphs are compiled as C++, too.
if [ "${1:-}" = --tests ]; then packages+=(g++); fi

root=()
if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi

missing() {
  for package in "$@"; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then echo "$package"; fi
  done
}

# A set-up that has nothing to do needs no network.
todo=$(missing "${packages[@]}")
needs_filecheck=
if [ "${1:-}" = --tests ] && ! compgen -c FileCheck >/dev/null; then needs_filecheck=yes; fi
# Native code is made by LLVM, any release from 19 to 22: its library, nothing to build with.
needs_llvm=yes
if dpkg-query -W -f '${Package} ${Status}\n' 'libllvm*' 2>/dev/null |
  grep -qE '^libllvm(19|20|21|22) .*install ok installed'; then needs_llvm=; fi
if [ -z "$todo" ] && [ -z "$needs_filecheck" ] && [ -z "$needs_llvm" ]; then exit 0; fi

"${root[@]}" apt-get update -q
if [ -n "$needs_llvm" ]; then
  todo="$todo $(apt-cache pkgnames libllvm | grep -E '^libllvm(19|20|21|22)$' | sort -V | tail -n 1)"
fi
if [ -n "$needs_filecheck" ]; then
  # FileCheck comes with every version of LLVM; take the newest that this Debian has.
  todo="$todo $(apt-cache pkgnames llvm- | grep -E '^llvm-[0-9]+-tools$' | sort -V | tail -n 1)"
fi
# shellcheck disable=SC2086 # one word a package
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $todo
