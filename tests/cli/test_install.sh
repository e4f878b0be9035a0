# Installs into a temporary DESTDIR, compiles the example of lace.h against that with pkg-config, and runs it.
[ "${SAN:-}" != thread ] || { echo "ok 1 - # SKIP a shared library with the sanitizer inside does not link by itself"; exit 0; }
. tests/cli/tap
prefix=/opt/lace
root=$work/root
succeeds "make install" make -s "B=$B" DESTDIR="$root" PREFIX=$prefix install
for file in bin/lace lib/liblace.a lib/liblace.so lib/pkgconfig/lace.pc include/lace.h share/man/man1/lace.1 lib/systemd/system/lace.service \
    lib/systemd/system/lace.socket; do
    succeeds "installs $file" test -s "$root$prefix/$file"
done
version=$(sed -n 's/^#define LACE_VERSION "\(.*\)".*/\1/p' include/lace.h)
is "the installed program runs" "$("$root$prefix/bin/lace" --version)" "lace $version"
is "and finds the model that was installed with it" \
    "$("$root$prefix/bin/lace" run "Find r (each from 1 to 8, mod 11): p*3+4=5, q*7+p=2, r*9+q=0." 2>&1)" 3
export PKG_CONFIG_PATH=$root$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
is "pkg-config knows the version" "$(pkg-config --modversion lace)" "$version"

# The example is the indented block of the header's opening comment that starts with #include <lace.h>.
sed -n '/^ \*  *#include <lace.h>/,/^ \*  *}$/p' include/lace.h | sed 's/^ \* \{0,5\}//' >"$work/example.c"
like "the header opens with an example" "$(cat "$work/example.c")" "lace_run("
succeeds "the example compiles against liblace.so" $CC -Wall -Werror "$work/example.c" -o "$work/shared" \
    $(pkg-config --cflags --libs lace)
succeeds "the example compiles against liblace.a" $CC -Wall -Werror "$work/example.c" -o "$work/static" \
    $(pkg-config --cflags lace) "$root$prefix/lib/liblace.a" $(PKG_CONFIG_SYSROOT_DIR= pkg-config --libs --static lace | sed 's/-llace//')
for kind in shared static; do
    is "the $kind example solves its problem" \
        "$(LD_LIBRARY_PATH=$root$prefix/lib LACE_MODEL=$root$prefix/share/lace/models/lace-search timeout 60 "$work/$kind" 2>&1)" 6
    is "  and says what is wrong" "$(LD_LIBRARY_PATH=$root$prefix/lib LACE_MODEL=/nowhere timeout 60 "$work/$kind" 2>&1)" \
        "There is no model directory /nowhere: No such file or directory."
done
if command -v man >/dev/null && command -v groff >/dev/null; then
    empty "the manual page is well formed" "$(man --warnings -E UTF-8 -l "$root$prefix/share/man/man1/lace.1" 2>&1 >/dev/null)"
fi
like "the unit starts what was installed" "$(cat "$root$prefix/lib/systemd/system/lace.service")" "^ExecStart=$prefix/bin/lace serve"
if command -v systemd-analyze >/dev/null; then # it wants to see the program where the unit says
    cp -r "$root$prefix/lib/systemd/system" "$work/units" && sed -i "s|$prefix/bin|$root$prefix/bin|" "$work/units/lace.service"
    empty "systemd finds nothing wrong with the units" "$(SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no "$work/units/lace.socket" "$work/units/lace.service" 2>&1 | grep "$work/units")"
fi
succeeds "make uninstall" make -s "B=$B" DESTDIR="$root" PREFIX=$prefix uninstall
empty "uninstall leaves no file" "$(find "$root" ! -type d)"
finish
