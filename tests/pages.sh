#!/bin/sh
# The programs in C on our pages compile without a warning and print what the pages say; pieces of programs compile.
#
#   pages.sh LIBRARY COMPILER...
set -eu
library=$1
shift
compiler="$* -Wall -Werror"
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Cuts a page into its blocks of C, NAME1.c, NAME2.c ...; a piece becomes the body of a function.
cut_page() # PAGE NAME
{
    awk -v name="$work/$2" '/^```$/ { on = 0 } on { print > (name n ".c") } /^```c$/ { on = 1; n++ }' "$here/$1"
    for block in "$work/$2"*.c; do
        grep -q '^int main' "$block" || sed -i '
            1i #include <stdlib.h>
            1i #include <comem.h>
            1i void check(comem_status status);
            1i void piece(comem_list *list, comem_list *queue, comem_dict *dict);
            1i void piece(comem_list *list, comem_list *queue, comem_dict *dict) {
            1i (void)list, (void)queue, (void)dict;
            $a }' "$block"
        $compiler -I"$here/include" -c "$block" -o "${block%.c}.o"
    done
}

# The program prints these lines, in whatever order.
prints() # NAME LINES
{
    $compiler "$work/$1.o" "$library" -pthread -o "$work/$1"
    printed=$("$work/$1" | LC_ALL=C sort | tr '\n' ',')
    case $printed in
    $2) ;;
    *) echo "$1 printed: $printed"; exit 1 ;;
    esac
}

cut_page README.md readme
prints readme1 "\['???', '???'\],"
cut_page docs/variables.md variables
cut_page docs/c-api.md api
prints api1 '*3002 items,*the second process ended with -9,'
prints api3 "\[(3, 4.5, \['seen'\])\],x is 3,"
prints api6 "no pears,{'apples': 2},"
