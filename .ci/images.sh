#!/usr/bin/env bash
# Make stand-ins for the public images that the course builds on, for machines that cannot pull any.
#
# Each has the tag of the image it stands for and the same layout where it matters (`python`, `pip`, site-packages under
# /usr/local; /bin/prometheus and its default arguments). They are made from Debian's packages. A tag that is here already,
# or can be pulled, is left alone: where the real images can be had, nothing is made. `--force` makes them all the same.
#
# Builds that install with pip reach the index as this machine does: its certificate bundle, and those pip settings
# that mean something inside a container, are copied into the Python image at the time of making.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
compose="$root/sandbox/stack/compose.yaml"
python_tag="python:3.11-slim-bookworm"
python_aliases=(python:3.11-slim)
force=0
[ "${1:-}" = "--force" ] && force=1

say() { printf 'images: %s\n' "$*"; }
have() {
    [ "$force" = 0 ] || return 1
    docker image inspect "$1" >/dev/null 2>&1 || timeout 120 docker pull --quiet "$1" >/dev/null 2>&1
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# The settings of this machine that a build needs to reach the package index.
write_pip_settings() {
    local python key value
    python="$(command -v python3)"
    printf '[global]\nroot-user-action = ignore\ndisable-pip-version-check = true\ncert = /etc/ssl/certs/ca-certificates.crt\n'
    for key in index-url extra-index-url trusted-host timeout; do
        # Not `pip config get`: it looks into one file only.
        value="$("$python" -m pip config list 2>/dev/null | sed -n "s/^global[.]$key='\(.*\)'$/\1/p" || true)"
        # A folder of this machine (file://…) does not exist inside a container.
        value="$(tr -s '[:space:]' '\n' <<<"$value" | grep -v -e '^file:' -e '^/' -e '^$' | paste -sd' ' - || true)"
        [ -n "$value" ] && printf '%s = %s\n' "$key" "$value"
    done
    return 0
}

# Debian packages into a tar: strip what no program reads.
bootstrap() { # tar, packages, further mmdebstrap options…
    local tar="$1" packages="$2"
    shift 2
    mmdebstrap --quiet --variant=minbase --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        "$@" bookworm "$tar"
}

make_python() {
    say "making $python_tag from Debian's packages (about a minute)"
    write_pip_settings >"$work/pip.conf"
    cat >"$work/layout.sh" <<'LAYOUT'
set -eu
root="$1"
# Debian's own Python puts packages in dist-packages and refuses to be written to by pip. A virtual environment at
# /usr/local gives the public image's layout: /usr/local/bin/python and /usr/local/lib/python3.11/site-packages.
# System packages stay visible because without them pip refuses `--user`.
chroot "$root" python3.11 -m venv --system-site-packages /usr/local
rm -rf "$root"/usr/local/bin/[Aa]ctivate*
find "$root/usr" -name __pycache__ -type d -prune -exec rm -rf {} +
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/*.log "$root"/var/log/apt
LAYOUT
    local options=() certificate
    # Certificates that this machine trusts beside Debian's, where they survive `update-ca-certificates`.
    for certificate in /usr/local/share/ca-certificates/*.crt; do
        [ -e "$certificate" ] && options+=("--customize-hook=copy-in '$certificate' /usr/local/share/ca-certificates")
    done
    bootstrap "$work/python.tar" python3.11,python3.11-venv,ca-certificates,netbase,tzdata \
        "${options[@]}" \
        --customize-hook="copy-in '$work/pip.conf' /etc" \
        --customize-hook='chroot "$1" update-ca-certificates >/dev/null' \
        --customize-hook="sh '$work/layout.sh' \"\$1\""
    docker import \
        --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' \
        "$work/python.tar" "$python_tag" >/dev/null
    rm -f "$work/python.tar"
}

# A static shell (for health checks with wget), one or two programs with the libraries they load, and an unprivileged user.
program_root() { # folder, program=path-inside…
    local folder="$1" pair library
    shift
    mkdir -p "$folder"/{bin,etc/ssl/certs,tmp,lib64}
    chmod 1777 "$folder/tmp"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$folder/etc/passwd"
    printf 'root:x:0:\nnobody:x:65534:\n' >"$folder/etc/group"
    cp "$(command -v busybox)" "$folder/bin/busybox"
    for applet in sh cat ls wget kill sleep mkdir; do ln -s busybox "$folder/bin/$applet"; done
    for pair in "$@"; do
        cp -L "${pair%%=*}" "$folder/${pair#*=}"
        { ldd "${pair%%=*}" || true; } | grep -o '/[^ ]*' | while read -r library; do
            mkdir -p "$folder$(dirname "$library")"
            cp -L "$library" "$folder$library"
        done
    done
}

compose_image() { # the full tag that the stack uses for an image
    grep -oE "$1:[A-Za-z0-9._-]+" "$compose" | head -n 1
}

make_prometheus() {
    local tag="$1" folder="$work/prometheus"
    say "making $tag from Debian's prometheus"
    program_root "$folder" "$(command -v prometheus)=bin/prometheus" "$(command -v promtool)=bin/promtool"
    mkdir -p "$folder/etc/prometheus" "$folder/prometheus"
    chown 65534:65534 "$folder/prometheus"
    printf 'global: {}\n' >"$folder/etc/prometheus/prometheus.yml"
    tar -C "$folder" -c . | docker import \
        --change 'USER nobody' --change 'WORKDIR /prometheus' --change 'EXPOSE 9090' --change 'ENV PATH=/bin' \
        --change 'ENTRYPOINT ["/bin/prometheus"]' \
        --change 'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]' \
        - "$tag" >/dev/null
}

make_alertmanager() {
    local tag="$1" folder="$work/alertmanager" program
    say "making $tag from Debian's prometheus-alertmanager"
    program="$(command -v prometheus-alertmanager || command -v alertmanager)"
    program_root "$folder" "$program=bin/alertmanager" "$(command -v amtool)=bin/amtool"
    mkdir -p "$folder/etc/alertmanager" "$folder/alertmanager" "$folder/usr/share/prometheus"
    # The public image's program has its templates inside; Debian's reads them from here.
    cp -rL /usr/share/prometheus/alertmanager "$folder/usr/share/prometheus/"
    chown 65534:65534 "$folder/alertmanager"
    tar -C "$folder" -c . | docker import \
        --change 'USER nobody' --change 'WORKDIR /alertmanager' --change 'EXPOSE 9093' --change 'ENV PATH=/bin' \
        --change 'ENTRYPOINT ["/bin/alertmanager"]' \
        --change 'CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]' \
        - "$tag" >/dev/null
}

if have "$python_tag"; then say "$python_tag is there"; else make_python; fi
for alias in "${python_aliases[@]}"; do
    have "$alias" || docker tag "$python_tag" "$alias"
done

if [ -e "$compose" ]; then
    for name in prometheus alertmanager; do
        tag="$(compose_image "prom/$name")"
        if [ -z "$tag" ]; then
            continue
        elif have "$tag"; then
            say "$tag is there"
        elif ! command -v busybox >/dev/null || ! command -v "$([ "$name" = prometheus ] && echo promtool || echo amtool)" >/dev/null; then
            say "$tag left out: Debian's packages busybox-static and $name are needed to make it"
        else
            "make_$name" "$tag"
        fi
    done
fi
