# shellcheck shell=bash
# Lays out the file systems of the stand-in images from the parts.
#
# Sourced by `ensure` after parts.bash. rootfs_node and rootfs_nginx each fill one new folder. They
# take the CA bundle and the npm registry of this machine along, so that what works here works in a
# container too.
: "${here:?}"

# rootfs_node FOLDER
rootfs_node() {
    local root=$1 node npm arch
    case $(dpkg --print-architecture) in
        amd64) arch=x64 ;;
        arm64) arch=arm64 ;;
        *) fail "no stand-in for node on $(dpkg --print-architecture)" ;;
    esac
    node=$(part_npm "node-linux-$arch@22")
    npm=$(part_npm npm@10)

    rootfs_base "$root"
    rootfs_libraries "$root" libstdc++6 libgcc-s1
    mkdir -p "$root/usr/local/bin" "$root/usr/local/lib/node_modules" "$root/usr/local/etc"
    install -m 0755 "$node/bin/node" "$root/usr/local/bin/node"
    ln -s node "$root/usr/local/bin/nodejs"
    cp -R "$npm" "$root/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
    chmod 0755 "$root"/usr/local/lib/node_modules/npm/bin/*-cli.js
    # The address alone: a token of this machine's npm stays on this machine.
    printf 'registry=%s\n' "$(npm config get registry 2>/dev/null)" >"$root/usr/local/etc/npmrc"
}

# rootfs_nginx FOLDER
rootfs_nginx() {
    local root=$1 nginx common
    nginx=$(part_debian nginx)
    common=$(part_debian nginx-common)

    rootfs_base "$root"
    rootfs_libraries "$root" libpcre2-8-0 zlib1g libssl3 libcrypt1
    mkdir -p "$root"/etc/nginx/conf.d "$root"/usr/{sbin,share/nginx/html} "$root"/var/{log,lib}/nginx
    install -m 0755 "$nginx/usr/sbin/nginx" "$root/usr/sbin/nginx"
    install -m 0644 "$here/nginx.conf" "$root/etc/nginx/nginx.conf"
    install -m 0644 "$here/nginx-default.conf" "$root/etc/nginx/conf.d/default.conf"
    install -m 0644 "$common/etc/nginx/mime.types" "$root/etc/nginx/mime.types"
    printf '%s\n' '<!doctype html><title>It works</title><p>nginx is running.' \
        >"$root/usr/share/nginx/html/index.html"
    ln -s /dev/stdout "$root/var/log/nginx/access.log"
    ln -s /dev/stderr "$root/var/log/nginx/error.log"
}

# What every image has: busybox for all commands, glibc, a few users, CA certificates.
rootfs_base() {
    local root=$1 busybox applet
    busybox=$(part_debian busybox-static)

    mkdir -p "$root"/{bin,dev,etc/ssl/certs,home/node,proc,root,run,sys,tmp,usr/bin,var/tmp}
    ln -s ../run "$root/var/run"
    chmod 1777 "$root/tmp" "$root/var/tmp"
    chown 1000:1000 "$root/home/node"
    install -m 0755 "$busybox/bin/busybox" "$root/bin/busybox"
    for applet in $("$busybox/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    # Scripts name these two by their full path.
    ln -s ../../bin/env "$root/usr/bin/env"
    ln -s ../../bin/sh "$root/usr/bin/sh"

    rootfs_libraries "$root" libc6
    rootfs_users "$root/etc"
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
    install -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
}

# Shared libraries and the dynamic loader of the given packages, at the paths they have in Debian.
rootfs_libraries() {
    local root=$1 package part file
    shift
    for package in "$@"; do
        part=$(part_debian "$package")
        while IFS= read -r -d '' file; do
            mkdir -p "$root/$(dirname "$file")"
            cp -P "$part/$file" "$root/$file"
        done < <(cd "$part" && find lib lib64 usr/lib -maxdepth 2 -name '*.so*' -print0 2>/dev/null)
    done
}

rootfs_users() {
    cat >"$1/passwd" <<'USERS'
root:x:0:0:root:/root:/bin/sh
nginx:x:101:101:nginx:/var/lib/nginx:/bin/false
node:x:1000:1000:node:/home/node:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
USERS
    cat >"$1/group" <<'GROUPS'
root:x:0:
nginx:x:101:
node:x:1000:
nogroup:x:65534:
GROUPS
}
