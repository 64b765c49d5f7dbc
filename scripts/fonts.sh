#!/usr/bin/env bash
# Puts the free fonts that minutes are set with as PDF into a folder: scripts/fonts.sh [folder]
#
# The folder is target/fonts if none is given; pass it on as `--fonts` or HUB_FONTS. The fonts come
# from the system's own Debian packages, whose contents apt holds against the signed index; nothing
# is installed, and no root is needed. Elsewhere put fonts of these names there by hand:
# FandolFang (仿宋), LXGW WenKai (楷体), Noto Sans CJK SC (黑体), Noto Serif CJK SC (小标宋, 宋体).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-${CARGO_TARGET_DIR:-$root/target}/fonts}

packages=(fonts-lxgw-wenkai fonts-noto-cjk texlive-lang-chinese)
fonts=(
    FandolFang-Regular.otf
    LXGWWenKai-Light.ttf
    LXGWWenKai-Regular.ttf
    NotoSansCJK-Regular.ttc
    NotoSerifCJK-Bold.ttc
    NotoSerifCJK-Regular.ttc
)

complete() {
    local font
    for font in "${fonts[@]}"; do
        [ -s "$folder/$font" ] || return 1
    done
}

if complete; then
    echo "The fonts are in $folder already."
    exit 0
fi
for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || {
        echo "$tool is not here: put these fonts into $folder by hand: ${fonts[*]}" >&2
        exit 1
    }
done

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d --tmpdir="$folder")
trap 'rm -rf "$work"' EXIT

# The indexes go to a folder of our own, so that neither root nor the system's state is needed.
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages" "$work/tree"
apt=(
    apt-get -qq
    -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache"
    -o "APT::Sandbox::User="
)
"${apt[@]}" update
(cd "$work/packages" && "${apt[@]}" download "${packages[@]}")
for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$work/tree"
done
for font in "${fonts[@]}"; do
    found=$(find "$work/tree" -type f -name "$font" -print -quit)
    [ -n "$found" ] || {
        echo "no package of ${packages[*]} has $font" >&2
        exit 1
    }
    # Under its name only when it is whole.
    cp "$found" "$folder/.$font.part"
    mv "$folder/.$font.part" "$folder/$font"
done
mkdir -p "$folder/licences"
for package in "${packages[@]}"; do
    cp "$work/tree/usr/share/doc/$package/copyright" "$folder/licences/$package" 2>/dev/null || true
done
echo "The fonts are in $folder."
