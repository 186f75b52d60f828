#!/usr/bin/env bash
# Builds and verifies real sites (see corpora.sh), compares the build with `cp -r`, and prints a table in markdown.
#
#   cargo build --release && benches/site.sh CORPORA_DIR
#
# RUNS (default 5) is the number of measured pairs, TIGHTROPE the binary (default target/release/tightrope).
#
# CPU seconds are user + sys: on a shared machine the wall clock says little. Each build is paired with a copy made next
# to it, and the ratio is the median of the pairs' ratios. The output is in memory where /dev/shm is: on a disk, the
# file system's own work depends on what was deleted before.
#
# Exit status: 0 when every site was built and verified, 1 when one was not, 2 when nothing could be measured.
set -euo pipefail

# Where each package keeps its site.
roots=(
  postgresql-doc-15/usr/share/doc/postgresql-doc-15/html
  python3.11-doc/usr/share/doc/python3.11/html
  openjdk-17-doc/usr/share/doc/openjdk-17-jre-headless
  rust-doc/usr/share/doc/rust-doc/html
  vitepress/docs/.vitepress/dist
)
cdn=https://static.example.com
runs=${RUNS:-5}

die() {
  echo "site.sh: $*" >&2
  exit 2
}

[[ $# -eq 1 ]] || die 'usage: benches/site.sh CORPORA_DIR'
[[ -d $1 ]] || die "$1 is no directory; benches/corpora.sh makes one"
[[ $runs =~ ^[1-9][0-9]*$ ]] || die 'RUNS is a number from 1'
command -v node >/dev/null || die 'node is not installed'
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tightrope=${TIGHTROPE:-$repository/target/release/tightrope}
[[ -x $tightrope ]] || die "$tightrope is missing; run cargo build --release"

if [[ -d /dev/shm && -w /dev/shm ]]; then
  work=$(mktemp -d /dev/shm/tightrope-bench.XXXXXX)
else
  work=$(mktemp -d)
fi
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Runs a command and prints its CPU seconds, user and sys. What it writes is dropped; so is its exit status, which the
# first, unmeasured run has told.
cpu() {
  local TIMEFORMAT='%3U %3S'
  { time "$@" >/dev/null 2>&1; } 2>&1 || true
}

build() {
  "$tightrope" build "$1" --out "$2" --cdn "$cdn" "${@:3}"
}

# Links that lead nowhere are copied as links, so cp does not stop at them.
copy() {
  cp -r "$1" "$2"
}

# One row. In: the report, the lines "run build|copy user sys", the two statuses.
row() {
  node - "$@" <<'JS'
const { readFileSync } = require('node:fs');
const [name, reportFile, timesFile, built, verified] = process.argv.slice(2);

const median = values => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
const grouped = number => number.toLocaleString('en-US');

const seconds = { build: [], copy: [] };
for (const line of readFileSync(timesFile, 'utf8').trim().split('\n').filter(Boolean)) {
  const [run, what, user, sys] = line.split(' ');
  seconds[what][run] = Number(user) + Number(sys);
}

let figures = ['–', '–', '–', '–', '–', '–'];
if (seconds.build.length) {
  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  const ratios = seconds.build.map((value, run) => value / seconds.copy[run]);
  figures = [
    grouped(report.pages),
    grouped(report.references_moved),
    (report.bytes_moved / 1e6).toFixed(1),
    median(seconds.build).toFixed(2),
    median(seconds.copy).toFixed(2),
    `${median(ratios).toFixed(2)}x`,
  ];
}
console.log(`| ${[name, ...figures, built, verified].join(' | ')} |`);
JS
}

# Builds once to warm the cache, for the report and to verify, then measures.
measure() {
  local name=$1 site=$2 built=0 verified=– run order what
  : >"$work/times"
  build "$site" "$work/out" --report json >"$work/report.json" 2>"$work/errors" || built=$?
  # 1 stands for findings: the site is there all the same.
  if [[ $built -le 1 ]]; then
    verified=0
    "$tightrope" verify "$work/out" >"$work/errors" 2>&1 || verified=$?
  fi
  if [[ $built -gt 1 || $verified != 0 ]]; then
    failed=1
    { echo "$name: build ended with $built, verify with $verified:"; tail -n 20 "$work/errors"; } >&2
  fi
  rm -rf "$work/out" "$work/.out.tightrope"

  if [[ $built -le 1 ]]; then
    copy "$site" "$work/copy"
    rm -rf "$work/copy"
    for ((run = 0; run < runs; run++)); do
      # Taking turns, so that neither always comes second.
      if ((run % 2)); then order=(copy build); else order=(build copy); fi
      for what in "${order[@]}"; do
        echo "$run $what $(cpu "$what" "$site" "$work/$what.$run")" >>"$work/times"
      done
      rm -rf "$work/build.$run" "$work/.build.$run.tightrope" "$work/copy.$run"
    done
  fi
  row "$name" "$work/report.json" "$work/times" "$built" "$verified"
}

failed=0
found=0
for root in "${roots[@]}"; do
  [[ -d $1/$root ]] || continue
  if ((!found)); then
    # shellcheck disable=SC2016 # the backticks are markdown's
    echo '| corpus | pages | references moved | MB moved | build, CPU s | `cp -r`, CPU s | ratio | build status | verify status |'
    echo '|---|--:|--:|--:|--:|--:|--:|--:|--:|'
  fi
  found=1
  # Links in the path are followed here, so that links in the tree are judged against where it really is.
  measure "${root%%/*}" "$(cd -P "$1/$root" && pwd)"
done
((found)) || die "none of the corpora is in $1; benches/corpora.sh brings them"
exit "$failed"
