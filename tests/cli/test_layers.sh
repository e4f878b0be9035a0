# Reads the includes: dependencies point downward only, the program sees nothing but lace.h, and every header
# compiles alone.
. tests/cli/tap

# What each folder may include besides itself and lace.h.
allowed() {
    case $1 in
    base) ;;
    io | ops) echo base ;;
    text) echo base io ;; # tokenizer.json is JSON
    model) echo base io text ops ;;
    decode) echo base io text ops model ;;
    train) echo base io text ops model decode synth ;; # problems are made while it trains
    bench) echo base io text ops model decode synth train ;;
    synth) echo base io text ops model decode ;;
    data) echo base io text ops model decode synth ;;
    eval) echo base io text ops model decode synth data ;; # the checkers belong to the problem families
    serve) echo base io text ops model decode ;;
    api) echo base io text ops model decode train synth data eval bench serve ;;
    *) echo "?" ;;
    esac
}

wrong=""
for folder in src/*/; do
    name=$(basename "$folder")
    may=$(allowed "$name")
    if [ "$may" = "?" ]; then
        wrong+="src/$name is in no layer; give it one in tests/cli/test_layers.sh"$'\n'
        continue
    fi
    while IFS=: read -r file line include; do
        [ -n "$file" ] || continue
        target=$(sed 's/.*"\(.*\)".*/\1/' <<<"$include")
        case $target in
        lace.h) continue ;;
        eval/stats.h) continue ;; # plain arithmetic over counts: intervals, bootstrap
        */*) from=${target%%/*} ;;
        *) continue ;; # a neighbour
        esac
        case " $may $name " in *" $from "*) ;; *) wrong+="$file:$line includes $target"$'\n' ;; esac
    done < <(grep -rn '^ *# *include *"' "$folder" --include='*.[ch]')
done
empty "includes point downward" "$wrong"

wrong=$(grep -n '^ *# *include *"' cli/*.[ch] | while IFS=: read -r file line include; do
    target=$(sed 's/.*"\(.*\)".*/\1/' <<<"$include")
    [ "$target" = lace.h ] || [ -e "cli/$target" ] || echo "$file:$line includes $target"
done)
empty "cli includes only lace.h and its own headers" "$wrong"

headers() { find include src cli -name '*.h' ! -path cli/commands.h | sort; }
alone() { # a file that includes the header twice and nothing else
    local isa=""
    case $1 in src/ops/x86/*) isa="-mavx2 -mfma -mf16c" ;; esac
    printf '#include "%s"\n#include "%s"\nint unused;\n' "$PWD/$1" "$PWD/$1" |
        $CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror \
            -fopenmp $isa -Iinclude -Isrc -I"$(dirname "$1")" -fsyntax-only -x c - 2>&1
}
wrong=$(for header in $(headers); do alone "$header" || echo "$header does not compile alone"; done)
empty "every header compiles alone" "$wrong"

wrong=$(printf '#include <lace.h>\nint main() { return sizeof(lace_error) > 0 ? 0 : 1; }\n' |
    { command -v g++ >/dev/null && g++ -Wall -Werror -Iinclude -fsyntax-only -x c++ - 2>&1; })
empty "lace.h is C++ too" "$wrong"

wrong=$(for header in $(headers); do grep -q '#ifndef LACE_\|#pragma once' "$header" || echo "$header has no guard"; done)
empty "every header has a guard" "$wrong"
finish
