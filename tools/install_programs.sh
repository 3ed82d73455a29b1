#!/usr/bin/env bash
# Installs the programs that the tests run, where they are missing: on Debian and Ubuntu, as root or by sudo without a
# password. Elsewhere it says what is missing, and the tests that need it fail.
set -euo pipefail

missing=()
for names in redis-server openssl curl 'chromium google-chrome' chromedriver; do
    # shellcheck disable=SC2086 - any of these names will do
    [[ -n $(command -v $names) ]] || missing+=("${names%% *}")
done
((${#missing[@]})) || exit 0

packages=("${missing[@]/#chromedriver/chromium-driver}")
if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}. Install them, or some tests fail" >&2
    exit 0
fi
as_root=()
if ((EUID)); then
    if ! sudo -n true 2>/dev/null; then
        echo "missing: ${missing[*]}. Run sudo apt-get install ${packages[*]}, or some tests fail" >&2
        exit 0
    fi
    as_root=(sudo -n)
fi
echo "installing ${packages[*]} by apt-get" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
