#!/usr/bin/env bash
# Builds and runs the C and Python programs against the built library:
# C with the shared library, C under valgrind, C and the static library under AddressSanitizer and UBSan, Python by ctypes.
# WISDOM_BUILT names the folder with libwisdom.so and libwisdom.a (default: target/debug of this tree).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
built=${WISDOM_BUILT:-$root/target/debug}
python=${WISDOM_TEST_PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0

say() { printf '  %s\n' "$*"; }
ok() { passed=$((passed + 1)); }

[ -e "$built/libwisdom.so" ] || { echo "libwisdom.so is not in $built: run cargo build -p wisdom-ffi first" >&2; exit 1; }
flags=(-std=c11 -D_DEFAULT_SOURCE -O1 -g -Wall -Wextra -Wpedantic -Werror -Wno-format-truncation -I "$root/ffi/include")
static_libs=(-lpthread -ldl -lm -lgcc_s -lutil -lrt)

say "C, shared library"
gcc "${flags[@]}" "$here/c/flow.c" -o "$work/shared" -L "$built" -lwisdom -Wl,-rpath,"$built"
"$work/shared" "$work/data-shared"
ok

say "C, valgrind"
valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect \
    --suppressions="$here/valgrind.supp" "$work/shared" "$work/data-valgrind"
ok

say "C, AddressSanitizer and UBSan, static library"
gcc "${flags[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all "$here/c/flow.c" -o "$work/asan" \
    "$built/libwisdom.a" "${static_libs[@]}"
ASAN_OPTIONS=detect_leaks=1 "$work/asan" "$work/data-asan"
ok

say "exported symbols are the header's functions"
nm -D --defined-only "$built/libwisdom.so" | awk '{print $3}' | grep '^wisdom_' | sort > "$work/exported"
grep -oE '^[^/ ].*\bwisdom_[a-z_]+\(' "$root/ffi/include/wisdom.h" | grep -oE 'wisdom_[a-z_]+\($' | tr -d '(' | sort -u > "$work/declared"
diff "$work/declared" "$work/exported"
ok

say "Python, ctypes"
"$python" "$here/python/flow.py" "$built/libwisdom.so"
ok

echo "$passed passed, 0 failed"
