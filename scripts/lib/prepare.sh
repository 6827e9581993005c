# shellcheck shell=bash
# What scripts/run and scripts/test do before they start: find Python, make .venv from the lock
# files, compile llama-cpp-python once per machine, fetch the models. Sourced, never executed.
# The caller has `set -euo pipefail`. All functions may be repeated and interrupted: a step is
# recorded only when it is complete, and files appear under their final name by a rename.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
venv=$root/.venv
cache=${XDG_CACHE_HOME:-$HOME/.cache}/voxd/wheels

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
export PYTHONUTF8=1

say() { printf 'voxd: %s\n' "$*" >&2; }

die() {
  printf 'voxd: %s\n' "$*" >&2
  exit 1
}

# Installs Debian packages, or says which to install. Usage: install_packages WHAT-FOR PACKAGE...
install_packages() {
  local purpose=$1
  shift
  if ! command -v apt-get >/dev/null; then
    die "$purpose is missing: install what Debian calls $*, then start this again"
  elif ((EUID != 0)); then
    die "$purpose is missing: run 'sudo apt-get install -y $*', then start this again"
  fi
  say "$purpose is missing: installing $* with apt-get"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Prints a Python >= 3.11 that can make virtual environments; nothing if there is none.
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c '
import sys
assert sys.version_info >= (3, 11)
import ensurepip, venv' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

# Debian's human telephone prompts, 8 kHz, and the words that are said in them.
ensure_speech() {
  local missing=() package
  for package in asterisk-core-sounds-en asterisk-core-sounds-en-wav; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  ((${#missing[@]} == 0)) || install_packages "recorded human speech" "${missing[@]}"
}

# What makes the noises that callers make without speaking.
ensure_noises() {
  command -v sox >/dev/null || install_packages "the maker of noises" sox
}

# The proxies that the tests put in front of the daemon, as Debian builds them. Unpacked and not
# installed: an installed one is started at once, on the machine's port 80.
ensure_proxies() {
  local target=$cache/../proxies part package
  if [[ -x $target/usr/sbin/nginx && -x $target/usr/bin/caddy ]]; then return; fi
  if { command -v nginx && command -v caddy; } >/dev/null; then return; fi
  command -v apt-get >/dev/null || die "the tests want nginx and caddy: install both, then start this again"
  say "fetching Debian's nginx and caddy for the tests"
  mkdir -p "$cache"
  part=$(mktemp -d "$cache/proxies.XXXXXX")
  if ((EUID == 0)); then apt-get update -qq >&2; fi
  (cd "$part" && apt-get download -qq nginx caddy >&2) ||
    die "nginx and caddy cannot be fetched: run 'sudo apt-get update', then start this again"
  for package in "$part"/*.deb; do dpkg-deb -x "$package" "$part"; done
  rm -f "$part"/*.deb
  rm -rf "$target"
  mv "$part" "$target"
}

# How llama.cpp is compiled. Never for the building machine alone (GGML_NATIVE), because the wheel
# is cached and may be carried; every flag is named, because some defaults look at the environment.
# CMAKE_ARGS of the user (such as -DGGML_CUDA=ON) come last and win.
llama_flags() {
  local flags=(
    -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF
    -DLLAMA_BUILD_SERVER=OFF
  )
  if [[ $(uname -m) == x86_64 ]]; then
    local wide=ON
    has_avx2 || wide=OFF
    flags+=(-DGGML_SSE42=ON -DGGML_AVX="$wide" -DGGML_AVX2="$wide" -DGGML_BMI2="$wide"
      -DGGML_FMA="$wide" -DGGML_F16C="$wide")
  fi
  printf '%s ' "${flags[@]}" "${CMAKE_ARGS:-}"
}

has_avx2() {
  local word
  for word in avx avx2 bmi2 fma f16c; do
    grep -qw -m1 "$word" /proc/cpuinfo || return 1
  done
}

# The folder of this machine's own llama-cpp-python wheel. The wheel serves every Python version,
# so Python is no part of the key; the C library is, because a wheel built on a newer one fails.
llama_wheel_dir() {
  local key
  key=$({
    cat "$root"/locks/native.txt "$root"/scripts/lib/without-common.cmake
    llama_flags
    uname -m
    getconf GNU_LIBC_VERSION 2>/dev/null || true
  } | sha256sum)
  printf '%s/%s' "$cache" "${key:0:16}"
}

# Compilations at once: one a core, but a gigabyte of free memory for each.
compile_jobs() {
  local cores free
  cores=$(nproc)
  free=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
  ((free >= 1)) || free=1
  printf '%s' "$((cores < free ? cores : free))"
}

# Reads a compiler's chatter and shows only ninja's counter. Usage: … | show_counter LABEL
show_counter() {
  local line shown=-100 done_ total
  while IFS= read -r line; do
    [[ $line =~ \[([0-9]+)/([0-9]+)\] ]] || continue
    done_=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [[ -t 2 ]]; then
      printf '\rvoxd: %s [%d/%d] %dm%02ds ' "$1" "$done_" "$total" $((SECONDS / 60)) $((SECONDS % 60)) >&2
    elif ((done_ >= shown + 5 || done_ == total)); then
      say "$1 [$done_/$total]"
      shown=$done_
    fi
  done
  if [[ -t 2 ]]; then printf '\n' >&2; fi
}

# Compiles llama-cpp-python into $1 unless this machine already did. A second clone that starts
# meanwhile waits for the first one's wheel.
build_llama() {
  local target=$1 part log include
  mkdir -p "$cache"
  exec 8>"$cache/lock"
  flock -n 8 || { say "another start is compiling llama.cpp: waiting for it" && flock 8; }
  rm -rf "$cache"/building.* # left by starts that were killed
  if ! compgen -G "$target/*.whl" >/dev/null; then
    command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
      install_packages "a C++ compiler" g++
    if [[ $(uname -m) == x86_64 ]] && ! has_avx2; then
      say "this processor has no AVX2: llama.cpp is compiled without it and will answer slowly"
    fi
    part=$(mktemp -d "$cache/building.XXXXXX")
    log=$part/log
    include=$root/scripts/lib/without-common.cmake
    SECONDS=0
    say "compiling llama.cpp, once per machine: some minutes on two cores"
    # pip's own wheel cache does not look at CMAKE_ARGS: off.
    if ! CMAKE_ARGS="$(llama_flags) -DCMAKE_PROJECT_llama.cpp_INCLUDE_BEFORE=$(printf %q "$include")" \
      CMAKE_BUILD_PARALLEL_LEVEL=$(compile_jobs) PATH=$venv/bin:$PATH \
      "$venv/bin/python" -m pip wheel -v --no-deps --no-cache-dir --no-build-isolation \
      --no-binary llama-cpp-python --require-hashes -r "$root/locks/native.txt" -w "$part" 2>&1 |
      tee "$log" | show_counter "compiling llama.cpp"; then
      mv "$log" "$root/llama-build.log"
      rm -rf "$part"
      tail -n 15 "$root/llama-build.log" | cut -c1-300 >&2
      die "llama.cpp could not be compiled; the whole log is $root/llama-build.log"
    fi
    mkdir -p "$target"
    mv "$part"/*.whl "$target/"
    rm -rf "$part"
    say "compiled in $((SECONDS / 60)) min $((SECONDS % 60)) s, kept in $target"
  fi
  exec 8>&-
}

# What the environment of profile $1 is made from; when this changes it is brought up to date.
environment_key() {
  {
    cat "$root/locks/$1.txt" "$root"/locks/{build,native}.txt "$root/pyproject.toml" \
      "$root"/scripts/lib/*
    llama_flags
    printf '%s\n' "$root"
    readlink -f "$venv/bin/python"
  } | sha256sum
}

is_prepared() {
  [[ -x $venv/bin/python && -f $venv/prepared-$1 ]] &&
    [[ $(<"$venv/prepared-$1") == "$(environment_key "$1")" ]]
}

# Makes .venv unless it is there, of this place (a moved one starts nothing) and works.
make_environment() {
  local python
  if [[ -f $venv/bin/pip && $(head -n 1 "$venv/bin/pip") == "#!$venv/bin/python"* ]] &&
    "$venv/bin/python" -c 'import sys, pip; assert sys.version_info >= (3, 11)' 2>/dev/null; then
    return
  fi
  python=$(find_python)
  if [[ -z $python ]]; then
    install_packages "Python 3.11 or newer with its venv module" python3 python3-venv
    python=$(find_python)
    [[ -n $python ]] || die "this system's Python is older than 3.11: install Python 3.11 or newer"
  fi
  say "making .venv with $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
}

# Installs a lock file: ready-made packages only, each with its hash checked.
install_lock() {
  say "installing what locks/$1.txt names ($(grep -c == "$root/locks/$1.txt") packages)"
  # What is there already, and what else pip has to say of each, would bury the downloads.
  "$venv/bin/python" -m pip install --no-deps --only-binary :all: --require-hashes \
    --progress-bar off -r "$root/locks/$1.txt" 2>&1 |
    sed -uE '/^(Requirement already|Looking in|Ignoring |WARNING: Location|Collecting|Using cached|Processing |Installing collected| *Attempting uninstall| *Found existing| *Uninstalling| *Successfully uninstalled)/d; s/^Successfully installed .*/done/; s/^ *Downloading ([^ ]+)-py[^ ]*|^ *Downloading ([^ ]+)-cp[^ ]*/  \1\2/' >&2
}

# Makes .venv hold what locks/$1.txt names ($1: runtime, or dev, which contains runtime).
prepare_environment() {
  local wheels profile
  if is_prepared "$1"; then return; fi
  exec 9>"$root/.prepare.lock"
  flock -n 9 || { say "another start is preparing this checkout: waiting for it" && flock 9; }
  if ! is_prepared "$1"; then
    make_environment
    for profile in runtime dev; do
      is_prepared "$profile" || rm -f "$venv/prepared-$profile"
    done
    install_lock build
    wheels=$(llama_wheel_dir)
    build_llama "$wheels"
    install_lock "$1"
    "$venv/bin/python" -m pip install -q --no-deps --no-index --force-reinstall "$wheels"/*.whl
    "$venv/bin/python" -m pip install -q --no-deps --no-index --no-build-isolation -e "$root"
    for profile in runtime "$1"; do
      environment_key "$profile" >"$venv/prepared.part"
      mv "$venv/prepared.part" "$venv/prepared-$profile"
    done
  fi
  exec 9>&-
}

# Everything that voxd needs to start. $1: runtime or dev.
prepare() {
  prepare_environment "$1"
  "$venv/bin/python" "$root/scripts/fetch-models" --quiet
}
