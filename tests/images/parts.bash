# shellcheck shell=bash
# The parts of which stand-in images are made, fetched once and kept in the cache folder.
#
# Sourced by `ensure`, which sets $cache and fail(). Knows apt-get and npm; knows nothing of images.
# Every part is unpacked beside its final place and renamed, so that a broken download leaves nothing.
: "${cache:?}"

# part_debian PACKAGE: prints the folder in which the Debian package is unpacked.
part_debian() {
    local package=$1 part=$cache/debian/$1 work
    if [ ! -d "$part" ]; then
        work=$(mktemp -d "$cache/part.XXXXXX")
        part_debian_download "$package" "$work"
        mkdir "$work/root"
        dpkg-deb --extract "$work"/*.deb "$work/root"
        mkdir -p "$cache/debian"
        mv "$work/root" "$part"
        rm -rf "$work"
    fi
    printf '%s\n' "$part"
}

# The package lists may be missing (fresh machine) or older than the archive: then renew them once.
part_debian_download() {
    local package=$1 folder=$2
    # apt downloads as its own user, which has to be able to write here.
    chmod 0777 "$folder"
    (cd "$folder" && apt-get download -qq "$package" >/dev/null 2>&1) && return
    apt-get update -qq >/dev/null 2>&1 || true
    (cd "$folder" && apt-get download -qq "$package" >"$cache/apt.log" 2>&1) ||
        fail "Debian's package $package cannot be fetched: $(tail -n 1 "$cache/apt.log")"
}

# part_npm NAME@VERSION: prints the folder in which the npm package is unpacked. Its install scripts
# are not run.
part_npm() {
    local spec=$1 part=$cache/npm/$1 work
    if [ ! -d "$part" ]; then
        work=$(mktemp -d "$cache/part.XXXXXX")
        npm pack --silent --pack-destination "$work" "$spec" >"$cache/npm.log" 2>&1 ||
            fail "npm's package $spec cannot be fetched: $(tail -n 1 "$cache/npm.log")"
        tar --extract --gzip --no-same-owner --file "$work"/*.tgz --directory "$work"
        mkdir -p "$cache/npm"
        mv "$work/package" "$part"
        rm -rf "$work"
    fi
    printf '%s\n' "$part"
}
