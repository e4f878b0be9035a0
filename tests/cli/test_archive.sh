# The libraries are polite guests: every external symbol starts with lace_, and the shared one exports exactly
# what lace.h promises.
[ "${SAN:-}" != thread ] || { echo "ok 1 - # SKIP clang's OpenMP adds symbols of its own"; exit 0; }
. tests/cli/tap
version=$(sed -n 's/^#define LACE_VERSION "\(.*\)".*/\1/p' include/lace.h)
shared=$B/liblace.so.$version
succeeds "the libraries build" make -s "B=$B" "$B/liblace.a" "$shared"

wrong=$(nm -g --defined-only "$B/liblace.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^lace_/ { print $3 }')
empty "every external symbol of liblace.a starts with lace_" "$wrong"

# The promises: what lace.h declares outside of types, functions and data.
$CC -E -P include/lace.h | tr '\n' ' ' | sed 's/{[^{}]*}//g; s/{[^{}]*}//g' | tr ';}' '\n\n' |
    grep -v '^ *typedef\|static inline' |
    sed -n 's/^ *\(extern .*\|[a-z].*\)[ *]\(lace_[a-z0-9_]*\) *\((.*\|\[.*\)$/\2/p' | sort -u >"$work/promised"
nm -D --defined-only "$shared" | awk 'NF == 3 { print $3 }' | sort -u >"$work/exported"
succeeds "lace.h declares functions" test -s "$work/promised"
empty "liblace.so exports nothing but lace.h" "$(comm -13 "$work/promised" "$work/exported")"
empty "liblace.so exports all of lace.h" "$(comm -23 "$work/promised" "$work/exported")"
like "the shared library has its soname" "$(objdump -p "$shared" | grep SONAME)" "liblace.so.${version%%.*}\$"

# Standard output and exit belong to the program. (The load benchmark's forked child ends with _exit.)
wrong=$(nm -A --undefined-only "$B/liblace.a" 2>/dev/null | grep -v 'load\.o: .* _exit$' | grep -w 'printf\|puts\|putchar\|exit\|_exit\|abort\|perror')
empty "the library neither prints nor exits" "$wrong"
finish
