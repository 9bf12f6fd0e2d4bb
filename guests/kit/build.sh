#!/bin/sh
# Builds a guest; needs gcc-arm-none-eabi.
#
#   build.sh [OPTION...] OUT.elf SOURCE...
#
# Without --app the sources are one piece without tasks (kit/plain.h). With it they are the tasks of
# an application: a word for each area, in the order of the list; several files of one area are
# joined by commas. The idle task comes by itself. kernel:FILE and common:FILE go to those pieces.
#
#   --app FILE      the application's list (kernel/app_list.h)
#   --foreign       without this kernel, common text and idle task: bring your own kernel:FILE
#   --board NAME    for a board without monitor: s3c2440, versatilepb
#   --at ADDRESS    one piece for a machine without monitor, at that address
#   --thumb         for a Cortex-M0+, with --at
#   --flags         prints the arguments of the compiler and of the linker
#   -...            an argument for the compiler
#
# The image does not depend on where it is built. With DEPENDENCIES=FILE the files of the kit that it
# was built from are written there, a line each.
set -eu

kit=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
guests=$(dirname -- "$kit")
prefix=arm-none-eabi-

# The board's ABI has 32-bit numbers as long; as int they fit %u and %d. Handlers of kernel calls and
# hooks have one signature each, whatever they use of it.
cpu='-mcpu=arm920t -marm'
compile="-Os -std=gnu11 -ffreestanding -fno-common -ffunction-sections
-fdata-sections -fno-tree-loop-distribute-patterns -U__UINT32_TYPE__ -D__UINT32_TYPE__=unsigned
-U__INT32_TYPE__ -D__INT32_TYPE__=int -Wall -Wextra -Werror -Wno-unused-parameter"
link="-nostdlib -static -Wl,-n -Wl,--build-id=none -Wl,--gc-sections
-Wl,--fatal-warnings -Wl,--orphan-handling=error"

app='' foreign='' board='' at='' more=''
while [ $# -gt 0 ]; do
  case $1 in
    --app) app=$2 && shift ;;
    --foreign) foreign=yes ;;
    --board) board=$2 && shift ;;
    --at) at=$2 && shift ;;
    --thumb) cpu='-mcpu=cortex-m0plus -mthumb' ;;
    --flags)
      # shellcheck disable=SC2086
      echo $cpu $compile
      # shellcheck disable=SC2086
      echo $cpu $link
      exit ;;
    -*) more="$more $1" ;;
    *) break ;;
  esac
  shift
done
[ $# -ge 2 ] || { echo "usage: build.sh [OPTION...] OUT.elf SOURCE..." >&2 && exit 2; }
out=$1 && shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

includes="-I$guests/include -I$guests/kernel -I$guests/common -I$kit -I."
[ -z "$app" ] || more="$more -DAPP_DEF=\"$app\""
[ -z "$at" ] || more="$more -DLOAD_AT=$at"
case $board in
  '') ;;
  s3c2440) more="$more -DOS_NATIVE -DRAM=0x30000000" ;;
  versatilepb) more="$more -DOS_NATIVE -DRAM=0x02000000" ;;
  *) echo "build.sh: no board $board; there are s3c2440, versatilepb" >&2 && exit 2 ;;
esac

objects=''
# compile_to OBJECT SOURCE: the object's name tells the linker its piece. A task knows its area, so that
# several areas can have one source.
compile_to() {
  # shellcheck disable=SC2086
  ${prefix}gcc $cpu $compile $includes $more ${area:+-DAPP_AREA=$area} -MMD -MF "$work/$1.d" -c "$2" -o "$work/$1.o"
  objects="$objects $1.o"
}

# compile_all PIECE SOURCE...
compile_all() {
  piece=$1 && shift
  for source; do
    base=${source##*/}
    compile_to "${piece}_${base%.*}" "$source"
  done
}

if [ -z "$app" ]; then
  if [ -z "$at" ]; then
    compile_all plain "$kit/plain_start.S" "$kit/plain.c"
  fi
  compile_all plain "$guests/common/format.c" "$guests/common/string.c" "$@"
  script=plain.ld
else
  idle=$guests/kernel/os_idle.c
  script=tasks.ld
  if [ -n "$foreign" ]; then
    idle=''
  else
    for source in "$guests"/kernel/os_*.c; do
      [ "$source" = "$idle" ] || compile_all kernel "$source"
    done
    if [ -z "$board" ]; then
      compile_all kernel "$guests/kernel/virtual/vectors.S" "$guests/kernel/virtual/undo.c"
    else
      compile_all kernel "$guests/kernel/native/vectors.S" "$guests/kernel/native/port_native.c" \
        "$guests/kernel/native/$board"*.[cS]
      script=native.ld
    fi
    compile_all common "$guests"/common/*.c
  fi
  area=0
  for word in "$@" ${idle:+"$idle"}; do
    case $word in
      kernel:* | common:*) compile_all "${word%%:*}" "${word#*:}" ;;
      *)
        rest=$word,
        while [ -n "$rest" ]; do
          compile_all "task$area" "${rest%%,*}"
          rest=${rest#*,}
        done
        area=$((area + 1)) ;;
    esac
  done
  [ -n "$board" ] || compile_to manifest "$kit/manifest.S"
fi

# shellcheck disable=SC2086
${prefix}gcc $cpu $compile $includes $more -MMD -MF "$work/script.d" -E -P -x assembler-with-cpp \
  "$kit/$script" -o "$work/script.ld"
# shellcheck disable=SC2086
libgcc=$(${prefix}gcc $cpu -print-libgcc-file-name)
# shellcheck disable=SC2086
(cd "$work" && ${prefix}gcc $cpu $link -Wl,-T,script.ld $objects "$libgcc" -o image.elf)
# Functions and variables stay for fault reports; $a and $d, which mark code and data, and the ends of
# areas, which the manifest has, need not.
${prefix}strip --strip-debug --wildcard --strip-symbol='$[ad]' --strip-symbol='task[0-9]*_start' \
  --strip-symbol='task[0-9]*_end' --strip-symbol='kernel_*_start' --strip-symbol='kernel_*_end' \
  --strip-symbol='common_*_end' --strip-symbol='shared_start' --strip-symbol='shared_end' \
  "$work/image.elf"

if [ -n "${DEPENDENCIES:-}" ]; then
  cat "$work"/*.d | sed 's/^[^:]*://; s/\\$//' | tr ' ' '\n' | sed "s|^$guests/||" | grep -v '^/' |
    grep . | LC_ALL=C sort -u >"$DEPENDENCIES"
fi
cp "$work/image.elf" "$out"
