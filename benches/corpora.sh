#!/bin/sh
# Brings real built sites, by package name, to measure on. Nothing is installed; what is there is skipped.
#
#   benches/corpora.sh DIR                everything
#   benches/corpora.sh --only NAME DIR    one of them
#
# Needs apt-get and dpkg (Debian 12 has these packages) for the first four, npm for the last.
set -eu

names='postgresql-doc-15 python3.11-doc openjdk-17-doc rust-doc vitepress'
vitepress_version=1.6.4
vitepress_pages=400

usage() {
  echo "usage: benches/corpora.sh [--only NAME] DIR" >&2
  echo "NAME is one of: $names" >&2
  exit 2
}

die() {
  echo "corpora.sh: $*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || die "$1 is not installed, and $2 cannot be had without it"
}

# A Debian package: downloaded and unpacked, not installed.
debian() {
  need apt-get "$1"
  need dpkg "$1"
  mkdir "$work/deb"
  (
    cd "$work/deb"
    # The package lists may be old or missing; only then is an update worth its time.
    apt-get download -qq -o APT::Sandbox::User=root "$1" || {
      [ "$(id -u)" -eq 0 ] || die "apt-get knows no $1; run apt-get update as root"
      apt-get update -qq
      apt-get download -qq -o APT::Sandbox::User=root "$1"
    }
  )
  dpkg -x "$work"/deb/*.deb "$work/site"
}

# A site with root-relative URLs, hashed names and modulepreload.
vitepress() {
  need npm vitepress
  need node vitepress
  mkdir "$work/site"
  (
    cd "$work/site"
    printf '{ "private": true, "type": "module" }\n' >package.json
    npm install --silent --no-audit --no-fund --save-exact "vitepress@$vitepress_version"
    node "$here/vitepress-pages.mjs" docs "$vitepress_pages"
    npx --no-install vitepress build docs
    # The tools have done their work; what is left is the site and its sources.
    rm -rf node_modules docs/.vitepress/cache
  ) >&2
}

only=
case ${1-} in
  --only) [ $# -ge 2 ] || usage; only=$2; shift 2 ;;
esac
[ $# -eq 1 ] || usage
case $1 in -*|'') usage ;; esac
case " $names " in *" ${only:-vitepress} "*) ;; *) usage ;; esac

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd)

# Made here and moved into place when complete: a directory that is there is whole.
work=$dest/.unfinished
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

for name in ${only:-$names}; do
  if [ -d "$dest/$name" ]; then
    echo "$name: there already"
    continue
  fi
  rm -rf "$work"
  mkdir "$work"
  case $name in
    vitepress) vitepress ;;
    *) debian "$name" ;;
  esac
  mv "$work/site" "$dest/$name"
  echo "$name: $(du -sh "$dest/$name" | cut -f1)"
done
